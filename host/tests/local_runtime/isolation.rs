//! What a workspace with namespaces of its own can see and do.

use std::fs;
use std::path::Path;
use std::time::Duration;

use provisionhook_host::runtime::local::{IsolationSettings, Network};
use provisionhook_host::runtime::{Exit, Exited, Runtime, RuntimeState};

use crate::confined::{isolated, remove_groups};
use crate::{Bench, is_alive, kill};

#[tokio::test]
async fn it_sees_only_its_own_processes() {
    let bench = Bench::confined(isolated()).await;
    let script = "echo pid $$; ls -d /proc/[0-9]* | wc -l; cat /proc/1/comm; cat /proc/mounts | grep -c ^proc.*/proc.proc; \
                  kill -0 $(cat outside) 2>&1 || echo none";
    let outside = std::process::id();
    let id = bench
        .sh(&format!("echo {outside} >outside; {script}"))
        .await;
    assert_eq!(bench.exit(&id).await, Exit::Code(0));
    let log = bench.log(&id).await;
    let lines: Vec<_> = log.lines().collect();
    assert_eq!(lines[0], "pid 2", "{log}");
    // Init, the shell, and the pipeline.
    assert!(lines[1].trim().parse::<u32>().unwrap() <= 5, "{log}");
    assert!(lines.last().unwrap().contains("none"), "{log}");
}

#[tokio::test]
async fn the_platforms_files_and_other_workspaces_are_not_there() {
    let platform = tempfile::tempdir_in("/var/lib").unwrap();
    let plugin = platform.path().join("plugins");
    fs::create_dir(&plugin).unwrap();
    fs::write(plugin.join("vault.json"), "secret").unwrap();
    let key = platform.path().join("key.pem");
    fs::write(&key, "private").unwrap();
    let program = plugin.join("helper");
    fs::write(&program, "a helper").unwrap();
    let bench = Bench::confined(IsolationSettings {
        hidden: vec![plugin.clone(), key.clone()],
        kept: vec![program.clone()],
        ..isolated()
    })
    .await;
    fs::write(bench.root.path().join("state.db"), "tokens").unwrap();
    let other = bench.sh("echo mine >mine; sleep 1000").await;
    let theirs = bench.work(&other).join("mine");
    let paths = [
        bench.root.path().join("state.db"),
        theirs.clone(),
        plugin.join("vault.json"),
        key,
    ];
    let cats: String = paths
        .iter()
        .map(|path| format!("cat {}; ", path.display()))
        .collect();
    let root = bench.root.path().display();
    let script = format!(
        "{cats} ls {root}; ls {plugin}; cat {program}; echo; echo it >{root}/new; echo x >own && cat own; umount {plugin}; umount /tmp; true",
        plugin = plugin.display(),
        program = program.display(),
    );
    let id = bench.sh(&script).await;
    assert_eq!(bench.exit(&id).await, Exit::Code(0));
    let log = bench.log(&id).await;
    for secret in ["tokens", "mine\n", "secret", "private"] {
        assert!(!log.contains(secret), "{secret}: {log}");
    }
    assert!(log.contains("a helper\n"), "{log}");
    assert!(log.contains("\nx\n"), "its own files are there: {log}");
    assert!(log.contains("umount: "), "{log}");
    assert_eq!(
        fs::read_to_string(bench.work(&id).join("own")).unwrap(),
        "x\n"
    );
    assert!(!bench.root.path().join("new").exists());
    assert!(theirs.exists());
}

#[tokio::test]
async fn temporary_files_terminals_and_shared_memory_are_its_own() {
    let bench = Bench::confined(isolated()).await;
    let outside = tempfile::Builder::new()
        .prefix("seen-by-all-")
        .tempfile()
        .unwrap();
    let script = "ls /tmp /var/tmp /dev/shm /dev/pts; echo t >/tmp/mine; echo s >/dev/shm/mine; cat /var/tmp/mine; stat -c %a /tmp";
    let id = bench.sh(script).await;
    assert_eq!(bench.exit(&id).await, Exit::Code(0));
    let log = bench.log(&id).await;
    assert!(!log.contains("seen-by-all-"), "{log}");
    assert!(log.ends_with("t\n1777\n"), "{log}");
    assert!(outside.path().exists() && !Path::new("/dev/shm/mine").exists());
    // The next run has an empty one, and the same files at home.
    bench.runtime.clear(&id).await.unwrap();
    bench
        .start(&id, &["sh", "-c", "ls /tmp; echo again"], &[crate::PATH])
        .await
        .unwrap();
    bench.exit(&id).await;
    let log = bench.log(&id).await;
    assert!(
        !log.rsplit_once("1777\n").unwrap().1.contains("mine"),
        "{log}"
    );
    bench.runtime.remove(&id).await.unwrap();
}

#[tokio::test]
async fn it_gets_no_right_that_it_was_not_given() {
    let bench = Bench::confined(isolated()).await;
    let script = "grep -E 'NoNewPrivs|CapEff|CapBnd' /proc/self/status; mount -t tmpfs none /mnt && echo mounted; \
                  mknod disk b 254 0 && echo made; ls /dev/vda && echo seen; echo x >/proc/sys/kernel/hostname && echo named; \
                  mkdir /sys/fs/cgroup/pids/escape /sys/fs/cgroup/unified/escape && echo escaped; \
                  unshare -Urm sh -c 'umount /tmp && echo uncovered'; true";
    let id = bench.sh(script).await;
    assert_eq!(bench.exit(&id).await, Exit::Code(0));
    let log = bench.log(&id).await;
    assert!(log.contains("NoNewPrivs:\t1"), "{log}");
    let effective = log.lines().find_map(|line| line.strip_prefix("CapEff:\t"));
    let effective = u64::from_str_radix(effective.unwrap(), 16).unwrap();
    assert_eq!(
        effective & (1 << 21 | 1 << 27 | 1 << 19),
        0,
        "admin, mknod, ptrace: {log}"
    );
    for done in ["mounted", "made", "seen", "named", "escaped", "uncovered"] {
        assert!(!log.contains(&format!("{done}\n")), "{done}: {log}");
    }
}

#[tokio::test]
async fn without_a_network_there_is_a_loopback_interface_and_nothing_else() {
    let bench = Bench::confined(IsolationSettings {
        network: Network::None,
        ..isolated()
    })
    .await;
    let id = bench
        .sh("ls /sys/class/net >/dev/null; cat /proc/net/dev; cat /proc/net/fib_trie | grep -c 127.0.0.1")
        .await;
    bench.exit(&id).await;
    let log = bench.log(&id).await;
    let interfaces: Vec<_> = log
        .lines()
        .filter(|line| line.contains(": ") && !line.contains('|'))
        .collect();
    assert_eq!(interfaces.len(), 1, "{log}");
    assert!(interfaces[0].trim().starts_with("lo:"), "{log}");
    assert_ne!(log.lines().last().unwrap(), "0", "it is up: {log}");
}

#[tokio::test]
async fn everything_ends_with_a_supervisor_that_is_killed() {
    let mut bench = Bench::confined(isolated()).await;
    let id = bench
        .sh("trap '' TERM; setsid sleep 1000 & (exec env -i sleep 1000) & echo ready; while :; do sleep 1000; done")
        .await;
    bench.says(&id, "ready").await;
    let pid = bench.running_pid(&id).await;
    assert!(is_alive(pid), "it is the process id on this machine");
    kill(bench.supervisor_pid(&id));
    assert_eq!(bench.runtime.wait(&id).await.unwrap(), Exited::UNSEEN);
    // Nobody has stopped or removed it.
    let deadline = std::time::Instant::now() + Duration::from_secs(30);
    while !bench.is_empty() {
        assert!(std::time::Instant::now() < deadline, "something survived");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    bench = bench.reopen();
    assert_eq!(
        bench.runtime.state(&id).await.unwrap(),
        RuntimeState::Exited(Exited::UNSEEN)
    );
    bench.runtime.remove(&id).await.unwrap();
}

#[tokio::test]
async fn what_the_command_leaves_behind_ends_with_it_and_orphans_are_collected() {
    let bench = Bench::confined(isolated()).await;
    let script = "(setsid sh -c 'sleep 0.1' &) ; env -i setsid /bin/sleep 1000 & sleep 0.5; \
                  cat /proc/[0-9]*/stat 2>/dev/null | grep -c ') Z '; exit 5";
    let id = bench.sh(script).await;
    assert_eq!(bench.exit(&id).await, Exit::Code(5));
    assert_eq!(bench.log(&id).await, "0\n", "no zombies");
    assert!(bench.is_empty());
    remove_groups(bench.root.path());
}

#[tokio::test]
async fn a_signal_that_ends_the_command_is_told() {
    let bench = Bench::confined(isolated()).await;
    let id = bench.sh("kill -SEGV $$").await;
    assert_eq!(bench.exit(&id).await, Exit::Signal(11));
}
