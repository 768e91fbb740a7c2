//! An answer of any length costs the memory of one item.

use std::process::Command;
use std::time::Instant;

use sortie_task_defs::source::{Crtsh, Fetch, SourceRecords};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::bench::Bench;

const CHILD: &str = "SORTIE_TEST_MEMORY";
/// Rows of the answer, and its length: some 40 MB.
const ROWS: usize = 120_000;
/// Peak memory that reading it may add, in KiB; what of the program is used for the first time
/// counts, too.
const MOST: u64 = 18 << 10;

/// Runs itself again in a process of its own: peak memory is that of a whole process.
#[test]
fn thousands_of_rows_are_read_in_flat_memory() {
    if std::env::var_os(CHILD).is_some() {
        return read();
    }
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "--nocapture"])
        .arg("memory::thousands_of_rows_are_read_in_flat_memory")
        .env(CHILD, "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&child.stdout);
    print!("{said}");
    assert!(
        child.status.success() && said.contains("1 passed"),
        "{said}"
    );
}

#[tokio::main]
async fn read() {
    let bench = Bench::at("source.crtsh", serve().await);
    let mut task = Fetch::new(Crtsh::new("example.com"));
    task.options.max_page_bytes = 1 << 30;
    let before = peak_kib();
    let began = Instant::now();
    let ended = bench.run(&task).await;
    let took = began.elapsed().as_secs_f64();
    let records: SourceRecords = ended.output();
    let more = peak_kib() - before;
    let bytes = ended.0.usage.bytes_in as f64;
    println!(
        "{:.0} MB/s, {more} KiB more at the peak",
        bytes / took / 1e6
    );
    assert_eq!(
        (records.items, records.certificates.len()),
        (ROWS as u64, 100)
    );
    assert!(bytes > 3e7 && more < MOST, "{bytes} bytes, {more} KiB");
}

/// A hundred certificates, over and over.
async fn serve() -> String {
    let row = |n: usize| {
        format!(
            r#"{{"issuer_ca_id":183267,"issuer_name":"C=US, O=Let's Encrypt, CN=R3","common_name":"h{n}.example.com","name_value":"h{n}.example.com\nwww.h{n}.example.com","id":{n},"entry_timestamp":"2025-03-07T00:14:48.255","not_before":"2025-03-06T23:14:48","not_after":"2025-06-04T23:14:48","serial_number":"03{n:034x}","result_count":2}},"#
        )
    };
    let block: String = (1..=100).map(row).collect();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let _ = stream.read(&mut [0; 4096]).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n[").await;
        for n in 1..=ROWS / 100 {
            let last = n == ROWS / 100;
            // The last comma becomes the end.
            let part = if last {
                block.trim_end_matches(',')
            } else {
                &block
            };
            let _ = stream.write_all(part.as_bytes()).await;
        }
        let _ = stream.write_all(b"]").await;
        let _ = stream.shutdown().await;
    }));
    url
}

/// The most memory that this process has had so far.
fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM:"))
        .unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
