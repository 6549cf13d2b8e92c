//! placeholder
#[derive(Debug)]
pub struct Lifetime { pub seconds: Option<u64>, pub because: String }
