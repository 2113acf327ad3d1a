//! What this program does when a test starts it in a host: it serves, or talks, and prints what it sees, a line each.
//!
//! Every role ends when its standard input does.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

use ha_core::ports::{ContainerRuntime, RuntimeError};
use ha_core::topology::DockerEndpoint;
use ha_docker::DockerRuntime;
use ha_tests::hosts::{Hosts, HostsOptions};

pub(crate) fn play(words: &[String]) {
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["echo", port] => echo(port.parse().unwrap()),
        ["talk", to, limit] => talk(to.parse().unwrap(), milliseconds(limit)),
        ["send", to] => send(to.parse().unwrap()),
        ["ask", endpoint] => ask(endpoint),
        ["hosts"] => hosts(),
        _ => panic!("no such role: {words:?}"),
    }
}

fn milliseconds(text: &str) -> Duration {
    Duration::from_millis(text.parse().unwrap())
}

fn told() -> impl Iterator<Item = String> {
    io::stdin().lines().map_while(Result::ok)
}

/// Sends every line back, over TCP and UDP; says of each datagram that it came.
fn echo(port: u16) {
    let listener = TcpListener::bind(("0.0.0.0", port)).unwrap();
    let socket = UdpSocket::bind(("0.0.0.0", port)).unwrap();
    println!("listening");
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            thread::spawn(move || io::copy(&mut stream.try_clone()?, &mut &stream));
        }
    });
    thread::spawn(move || -> io::Result<()> {
        let mut space = [0; 100];
        loop {
            let (length, from) = socket.recv_from(&mut space)?;
            println!("came {}", String::from_utf8_lossy(&space[..length]));
            // Who sent it may be out of reach.
            drop(socket.send_to(&space[..length], from));
        }
    });
    told().for_each(drop);
}

/// Connects once, within a limit: the kernel would try for minutes. Each line that it is told is how many milliseconds the next answer may take.
fn talk(to: SocketAddr, limit: Duration) {
    let mut stream = match TcpStream::connect_timeout(&to, limit) {
        Ok(stream) => stream,
        Err(error) => return println!("no connection: {}", error.kind()),
    };
    stream.set_nodelay(true).unwrap();
    println!("connected");
    let mut answers = BufReader::new(stream.try_clone().unwrap());
    let mut line = String::new();
    for (number, limit) in told().enumerate() {
        let limit = milliseconds(&limit);
        let began = Instant::now();
        if let Err(error) = stream.write_all(format!("{number}\n").as_bytes()) {
            println!("broken: {}", error.kind());
            continue;
        }
        // Answers to earlier ones, that were late, come before.
        let answer = loop {
            let left = limit.saturating_sub(began.elapsed()).max(Duration::from_millis(1));
            stream.set_read_timeout(Some(left)).unwrap();
            match answers.read_line(&mut line) {
                Ok(0) => break "ended".to_owned(),
                Ok(_) => {
                    let answered = line.trim() == number.to_string();
                    line.clear();
                    if answered {
                        break format!("answered {}", began.elapsed().as_micros());
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break "silent".to_owned(),
                Err(error) => break format!("broken: {}", error.kind()),
            }
        };
        println!("{answer}");
    }
}

/// Sends each line as a datagram and waits half a second for it to come back.
fn send(to: SocketAddr) {
    let socket = UdpSocket::bind(("0.0.0.0", 0)).unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
    println!("ready");
    for line in told() {
        // The kernel may know already that nobody is there.
        drop(socket.send_to(line.as_bytes(), to));
        let mut space = [0; 100];
        let came = socket.recv(&mut space).is_ok_and(|length| &space[..length] == line.as_bytes());
        println!("{}", if came { "answered" } else { "silent" });
    }
}

/// Asks an engine for its id, over connections that it keeps, at each line: that says how many milliseconds it may take.
fn ask(endpoint: &str) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let endpoint = DockerEndpoint::parse(endpoint, None).unwrap();
    let engine = DockerRuntime::at(&endpoint).unwrap();
    println!("ready");
    for limit in told() {
        let engine = engine.clone().with_call_limit(milliseconds(&limit));
        let answer = match runtime.block_on(engine.engine()) {
            Ok(info) => format!("engine {}", info.id),
            Err(RuntimeError::Untrusted { .. }) => "untrusted".to_owned(),
            Err(RuntimeError::PermissionDenied { .. }) => "denied".to_owned(),
            Err(RuntimeError::TimedOut { .. }) => "timed out".to_owned(),
            Err(error) => {
                let source = std::error::Error::source(&error).map(ToString::to_string);
                format!("{error}: {}", source.unwrap_or_default().replace('\n', " "))
            }
        };
        println!("{answer}");
    }
}

/// Makes a host, and says what it is called.
fn hosts() {
    let hosts = Hosts::start(&HostsOptions::new(1)).unwrap();
    println!("{}", hosts.name());
    told().for_each(drop);
}
