//! Many jobs, a few at a time.

use std::sync::Mutex;

/// Does `work` for every job on that many threads; the results are in the order of the jobs. A panic goes on in the caller.
pub fn pool<J: Send, T: Send>(
    threads: usize,
    jobs: impl IntoIterator<Item = J>,
    work: impl Fn(J) -> T + Sync,
) -> Vec<T> {
    let jobs: Vec<J> = jobs.into_iter().collect();
    let done: Vec<Mutex<Option<T>>> = jobs.iter().map(|_| Mutex::new(None)).collect();
    let waiting = Mutex::new(jobs.into_iter().enumerate());
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    // The lock is held for the taking only.
                    let next = waiting.lock().unwrap().next();
                    let Some((index, job)) = next else { return };
                    let result = work(job);
                    *done[index].lock().unwrap() = Some(result);
                }
            });
        }
    });
    done.into_iter().map(|slot| slot.into_inner().unwrap().expect("every job was done")).collect()
}

#[test]
fn results_are_in_the_order_of_the_jobs() {
    let gate = std::sync::Barrier::new(2);
    let results = pool(2, [1, 2, 3, 4], |job| {
        gate.wait();
        job * 10
    });
    assert_eq!(results, [10, 20, 30, 40]);
}
