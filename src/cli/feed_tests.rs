//! Against a supervisor of a few lines, which holds events and publishes only some of them.

use super::super::endpoint::Endpoint;
use super::*;
use crate::wire::msgpack::Writer;
use crate::wire::{json, msgpack};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Instant;
use zmq::POLLIN;

const PATIENCE: Duration = Duration::from_secs(20);

/// What the supervisor is told to do.
enum Order {
    /// To have one more event, and to publish it.
    Publish,
    /// To have one more event, and to keep it to itself.
    Hold,
    /// To end.
    End,
}

struct Fake {
    directory: PathBuf,
    orders: Sender<Order>,
    thread: JoinHandle<()>,
}

impl Fake {
    fn start(name: &str, run: &'static str) -> Self {
        let directory = std::env::temp_dir().join(format!("procnanny-feed-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let context = zmq::Context::new();
        let bind = |kind, socket: &str| {
            let bound = context.socket(kind).unwrap();
            bound.set_linger(0).unwrap();
            bound.bind(&format!("ipc://{}/{socket}", directory.display())).unwrap();
            bound
        };
        let (rpc, stream) = (bind(zmq::ROUTER, "rpc"), bind(zmq::XPUB, "events"));
        let (orders, received) = channel();
        let endpoint = format!("ipc://{}/events", directory.display());
        let thread = thread::spawn(move || serve(&rpc, &stream, &received, run, &endpoint));
        Self { directory, orders, thread }
    }

    fn order(&self, order: Order) {
        self.orders.send(order).unwrap();
    }

    fn end(self) -> PathBuf {
        self.order(Order::End);
        self.thread.join().unwrap();
        for socket in ["rpc", "events"] {
            std::fs::remove_file(self.directory.join(socket)).unwrap();
        }
        self.directory
    }
}

fn serve(rpc: &zmq::Socket, stream: &zmq::Socket, orders: &Receiver<Order>, run: &str, endpoint: &str) {
    let mut held: Vec<Value> = Vec::new();
    loop {
        zmq::poll(&mut [rpc.as_poll_item(POLLIN), stream.as_poll_item(POLLIN)], 5).unwrap();
        let _ = stream.recv_bytes(zmq::DONTWAIT);
        while let Ok(order) = orders.try_recv() {
            let seq = held.len() + 1;
            let event = json::parse(&format!(r#"{{"seq":{seq},"run":"{run}","event":"x"}}"#)).unwrap();
            held.push(event.clone());
            match order {
                Order::Publish => stream.send_multipart([b"x".to_vec(), encoded(&event)], 0).unwrap(),
                Order::Hold => {}
                Order::End => return,
            }
        }
        if let Ok(frames) = rpc.recv_multipart(zmq::DONTWAIT) {
            let request = msgpack::decode(&frames[1]).unwrap();
            let reply = reply(&request, &held, run, endpoint);
            rpc.send_multipart([frames[0].clone(), encoded(&reply)], 0).unwrap();
        }
    }
}

fn reply(request: &Value, held: &[Value], run: &str, endpoint: &str) -> Value {
    let id = request.get("id").unwrap().clone();
    if request.get("request").and_then(Value::text) == Some("info") {
        let events = Value::map([("socket", Value::from("events")), ("endpoint", Value::from(endpoint))]);
        return Value::map([("endpoints", Value::from(vec![events])), ("id", id)]);
    }
    let of_this_run = request.get("run").is_none_or(|asked| asked.text() == Some(run));
    let since = if of_this_run { request.get("since").and_then(Value::as_u64).unwrap_or(0) } else { 0 };
    let events = held.iter().skip(usize::try_from(since).unwrap()).cloned().collect::<Vec<_>>();
    let latest = u64::try_from(held.len()).unwrap();
    let oldest = Value::from(latest.min(1));
    Value::map([
        ("events", Value::from(events)),
        ("oldest", oldest),
        ("latest", Value::from(latest)),
        ("run", Value::from(run)),
        ("id", id),
    ])
}

fn encoded(value: &Value) -> Vec<u8> {
    let mut writer = Writer::new();
    writer.value(value);
    writer.into_bytes()
}

fn open(directory: &std::path::Path) -> Feed {
    let client = Client::connect(&Endpoint::in_directory(directory)).unwrap();
    Feed::open(client, None, Reach::Everything, Signals::none()).unwrap()
}

/// Waits for so many pieces of news.
fn take(feed: &mut Feed, count: usize) -> Vec<News> {
    let began = Instant::now();
    let mut taken = Vec::new();
    while taken.len() < count {
        assert!(began.elapsed() < PATIENCE, "{taken:?}");
        feed.wait(&[], Duration::from_millis(100)).unwrap();
        taken.extend(std::iter::from_fn(|| feed.next()));
    }
    taken
}

fn seqs(news: &[News]) -> Vec<u64> {
    let seq = |news: &News| match news {
        News::Event(event) => event.get("seq").and_then(Value::as_u64),
        News::Lost(_) | News::Beyond | News::NewRun(_) | News::Gone(_) | News::Back => None,
    };
    news.iter().filter_map(seq).collect()
}

#[test]
fn events_come_in_order_and_each_once_whether_they_are_published_or_not() {
    let fake = Fake::start("order", "a");
    fake.order(Order::Hold);
    fake.order(Order::Hold);
    let mut feed = open(&fake.directory);
    let mut all = take(&mut feed, 2);
    for order in [Order::Publish, Order::Hold, Order::Publish, Order::Publish, Order::Hold] {
        fake.order(order);
    }
    // The last one nobody ever publishes: it is asked for when the stream is quiet.
    all.extend(take(&mut feed, 5));
    assert_eq!(seqs(&all), [1, 2, 3, 4, 5, 6, 7]);
    std::fs::remove_dir_all(fake.end()).unwrap();
}

#[test]
fn the_end_of_a_supervisor_is_survived() {
    let fake = Fake::start("again", "a");
    fake.order(Order::Publish);
    let mut feed = open(&fake.directory);
    assert_eq!(seqs(&take(&mut feed, 1)), [1]);
    let directory = fake.end();
    let news = take(&mut feed, 1);
    assert!(matches!(&news[0], News::Gone(sentence) if sentence.contains("is gone")), "{news:?}");
    assert_eq!(feed.request(&Call::new("info")).unwrap(), None);
    let fake = Fake::start("again", "b");
    fake.order(Order::Hold);
    let news = take(&mut feed, 3);
    assert_eq!(news[..2], [News::Back, News::NewRun("b".to_string())]);
    assert_eq!(seqs(&news), [1]);
    fake.end();
    std::fs::remove_dir_all(directory).unwrap();
}
