//! Prints what the plugin costs: `cargo run --release -p icescope-video-gstreamer --example figures -- 20 '{…}'`
//! plays the configuration for so many seconds and prints CPU seconds, bit rate, threads and memory of the process.

use std::time::Duration;

use icescope_plugin_sdk::testing::FakeHost;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let seconds: u64 = arguments.next().and_then(|text| text.parse().ok()).unwrap_or(20);
    let config = arguments.next().unwrap_or_else(|| "{}".to_owned());
    let host = FakeHost::new();
    let module = icescope_video_gstreamer::icescope_module();
    let mut source = host.create_raw(module, "org.icescope.video.gstreamer", &config).expect("the plugin");
    println!("created: {} kB PSS, {:.2} CPU s", pss(), cpu());
    source.start(0).expect("it plays");
    host.wait(Duration::from_secs(10), |seen| seen.frames.first().map(drop)).expect("a first frame");
    let before = cpu();
    // Nothing is waited for: this is the time over which is measured.
    std::thread::sleep(Duration::from_secs(seconds));
    let took = cpu() - before;
    let (frames, bytes) = host
        .seen(|seen| (seen.frames.len(), seen.frames.iter().map(|frame| frame.data.len()).sum::<usize>()));
    println!(
        "played {seconds} s: {took:.2} CPU s ({:.2} per minute), {} kB PSS, {} threads, {:.1} frames/s, {:.0} kbit/s",
        took * 60.0 / seconds as f64,
        pss(),
        std::fs::read_dir("/proc/self/task").map_or(0, Iterator::count),
        frames as f64 / seconds as f64,
        bytes as f64 * 8.0 / seconds as f64 / 1000.0,
    );
}

/// User and system time of this process, in seconds (proc(5): fields 14 and 15, hundredths).
fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<f64> = stat
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .filter_map(|field| field.parse().ok())
        .collect();
    // The state's letter is not a number, so field 4 is the first here.
    (fields[10] + fields[11]) / 100.0
}

/// Proportional set size, in kB.
fn pss() -> u64 {
    let rollup = std::fs::read_to_string("/proc/self/smaps_rollup").unwrap_or_default();
    let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse().unwrap_or(0)
}
