//! The supervisor with shells as children.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use std::{fs, path::Path, time::Duration};
use sweeper_worker::supervisor::{Place, Policy, supervise};
use tokio::{process::Command, sync::watch, time::sleep};

fn policy() -> Policy {
    Policy {
        first: Duration::from_millis(20),
        most: Duration::from_millis(200),
        healthy: Duration::from_secs(60),
        quick: Duration::from_secs(60),
        patience: Duration::from_secs(60),
    }
}

/// A child that writes its process id to `pids` and then does `then`.
fn shell(pids: &Path, then: &str) -> Place {
    let script = format!("echo $$ >> '{}'; {then}", pids.display());
    let command = move || {
        let mut command = Command::new("sh");
        command.arg("-c").arg(&script);
        command
    };
    Place { name: "cpu:0".into(), command: Box::new(command) }
}

fn pids(path: &Path) -> Vec<Pid> {
    let text = fs::read_to_string(path).unwrap_or_default();
    // The last line may be half written.
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    whole.lines().map(|line| Pid::from_raw(line.parse().unwrap()).unwrap()).collect()
}

async fn until(condition: impl Fn() -> bool) {
    while !condition() {
        sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_killed_child_is_replaced_and_the_last_one_ends_with_us() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("pids");
    let (stop, listen) = watch::channel(0);
    let running = tokio::spawn(supervise(vec![shell(&path, "exec sleep 1000")], policy(), listen));
    for generation in 1..=3 {
        until(|| pids(&path).len() == generation).await;
        kill_process(pids(&path)[generation - 1], Signal::KILL).unwrap();
    }
    until(|| pids(&path).len() == 4).await;
    stop.send_modify(|count| *count += 1);
    assert_eq!(running.await.unwrap(), 0);
    for pid in pids(&path) {
        assert!(test_kill_process(pid).is_err(), "{pid:?} is alive");
    }
}

#[tokio::test]
async fn fatal_codes_end_a_place_and_the_first_one_is_ours() {
    let dir = tempfile::tempdir().unwrap();
    for code in [2, 20, 21, 22, 32] {
        let path = dir.path().join(format!("pids-{code}"));
        let other = dir.path().join(format!("other-{code}"));
        let (_stop, listen) = watch::channel(0);
        // The second ends later, and well.
        let places = vec![shell(&path, &format!("exit {code}")), shell(&other, "sleep 0.2; exit 0")];
        assert_eq!(supervise(places, policy(), listen).await, code);
        assert_eq!(pids(&path).len(), 1, "code {code} was started again");
    }
}

#[tokio::test]
async fn other_codes_are_started_again_until_all_is_well() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("pids");
    let script = format!("test $(wc -l < '{}') -ge 4 || exit 1", path.display());
    let (_stop, listen) = watch::channel(0);
    assert_eq!(supervise(vec![shell(&path, &script)], policy(), listen).await, 0);
    assert_eq!(pids(&path).len(), 4);
}

#[tokio::test]
async fn what_fails_at_every_start_ends_a_place_in_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let policy = Policy { most: Duration::from_millis(20), ..policy() };
    for (then, code, starts) in [("exit 31", 31, 3), ("exit 34", 34, 3), ("exit 1", 43, 10), ("kill -KILL $$", 43, 20)]
    {
        let path = dir.path().join(format!("pids-{code}-{starts}"));
        let (_stop, listen) = watch::channel(0);
        assert_eq!(supervise(vec![shell(&path, then)], policy, listen).await, code, "{then}");
        assert_eq!(pids(&path).len(), starts, "{then}");
    }
}

#[tokio::test]
async fn a_child_that_ended_a_training_did_not_die_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("pids");
    let policy = Policy { most: Duration::from_millis(20), ..policy() };
    let script = format!("printf 'noise\\006'; test $(wc -l < '{}') -ge 15 || exit 1", path.display());
    let (_stop, listen) = watch::channel(0);
    assert_eq!(supervise(vec![shell(&path, &script)], policy, listen).await, 0);
    assert_eq!(pids(&path).len(), 15);
}

#[tokio::test]
async fn a_child_that_ignores_sigterm_is_killed_when_patience_ends() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("pids");
    let (stop, listen) = watch::channel(0);
    let policy = Policy { patience: Duration::from_millis(200), ..policy() };
    let deaf = dir.path().join("deaf");
    let place = shell(&path, &format!("trap '' TERM; echo > '{}'; while :; do sleep 0.05; done", deaf.display()));
    let running = tokio::spawn(supervise(vec![place], policy, listen));
    until(|| deaf.exists()).await;
    stop.send_modify(|count| *count += 1);
    assert_eq!(running.await.unwrap(), 1);
    assert!(test_kill_process(pids(&path)[0]).is_err());
}

#[tokio::test]
async fn a_second_signal_is_passed_on() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("pids");
    let heard = dir.path().join("heard");
    let (stop, listen) = watch::channel(0);
    let script = format!(
        "n=0; trap 'n=$((n+1)); echo $n >> {0}; [ $n -ge 2 ] && exit 0' TERM; echo ready >> {0}; \
         while :; do sleep 0.02; done",
        heard.display()
    );
    let running = tokio::spawn(supervise(vec![shell(&path, &script)], policy(), listen));
    let lines = || fs::read_to_string(&heard).unwrap_or_default().lines().count();
    until(|| lines() == 1).await;
    stop.send_modify(|count| *count += 1);
    until(|| lines() == 2).await;
    stop.send_modify(|count| *count += 1);
    assert_eq!(running.await.unwrap(), 0);
}

#[tokio::test]
async fn a_child_learns_of_our_death_through_stdin() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("pids");
    let gone = dir.path().join("gone");
    let script = format!("cat > /dev/null; echo gone > '{}'; exec sleep 1000", gone.display());
    let (_stop, listen) = watch::channel(0);
    let running = tokio::spawn(supervise(vec![shell(&path, &script)], policy(), listen));
    until(|| pids(&path).len() == 1).await;
    assert!(!gone.exists(), "stdin ended while we live");
    running.abort();
    // What aborts us drops the child's handle too, which kills it: either way it does not outlive us.
    let pid = pids(&path)[0];
    until(|| gone.exists() || test_kill_process(pid).is_err()).await;
}

#[tokio::test]
async fn a_missing_executable_is_named_and_not_tried_for_ever() {
    let (_stop, listen) = watch::channel(0);
    let place = Place { name: "cpu:0".into(), command: Box::new(|| Command::new("/nowhere/sweeper-worker")) };
    assert_eq!(supervise(vec![place], policy(), listen).await, 43);
}
