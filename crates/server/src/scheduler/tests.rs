//! The scheduler with an encoder that waits for permits.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

use super::*;

/// An encoder whose vector of a text is its first token. It waits for a permit before each batch, and token 13
/// fails.
struct Fake {
    permits: Mutex<mpsc::Receiver<()>>,
    encoded: AtomicUsize,
}

impl BatchEncoder for Fake {
    fn dim(&self) -> usize {
        1
    }

    /// A text is a number. It has three tokens, and the first one is this number.
    fn tokenize(&self, texts: &[String]) -> Result<Tokenized, String> {
        let mut all = Tokenized::default();
        for text in texts {
            all.ids.push(&[text.trim().parse().unwrap(), 0, 0]);
            all.dropped.push(0);
        }
        Ok(all)
    }

    fn encode(&self, ids: RaggedIds) -> Result<Vectors, String> {
        let _ = self.permits.lock().unwrap().recv();
        assert!(ids.iter().all(|text| text[0] != 99), "a defect");
        if ids.iter().any(|text| text[0] == 13) {
            return Err("13 has no vector".into());
        }
        self.encoded.fetch_add(ids.len(), Ordering::SeqCst);
        Ok(Vectors::new(ids.iter().map(|text| text[0] as f32).collect(), 1))
    }
}

fn started(max_wait: Duration) -> (Scheduler, mpsc::Sender<()>, Arc<Fake>) {
    let (permit, permits) = mpsc::channel();
    let fake = Arc::new(Fake { permits: Mutex::new(permits), encoded: AtomicUsize::new(0) });
    let limits = Limits { quantum: 10, cores: 1, in_flight: 1, max_wait };
    (Scheduler::start(Arc::clone(&fake) as _, limits).unwrap(), permit, fake)
}

fn texts(first: &[u32]) -> Vec<String> {
    first.iter().map(u32::to_string).collect()
}

/// The same texts, with so much space around them that they are not tokenized where they arrive.
fn long_texts(first: &[u32]) -> Vec<String> {
    texts(first).into_iter().map(|text| text + &" ".repeat(1000)).collect()
}

fn rows(embedded: &EmbeddedTexts) -> Vec<f32> {
    embedded.vectors.as_slice().to_vec()
}

#[tokio::test]
async fn each_request_has_the_vectors_of_its_own_texts_in_their_order() {
    let (scheduler, permit, _) = started(Duration::from_secs(9));
    (0..100).for_each(|_| permit.send(()).unwrap());
    let many: Vec<u32> = (100..140).collect();
    let (bulk, one, none) = tokio::join!(
        scheduler.embed(Priority::Bulk, long_texts(&many)),
        scheduler.embed(Priority::Search, texts(&[7])),
        scheduler.embed(Priority::Search, Vec::new()),
    );
    let bulk = bulk.unwrap();
    assert_eq!((bulk.tokens, bulk.dropped.len()), (3 * 40, 40));
    assert_eq!(rows(&bulk), many.iter().map(|&id| id as f32).collect::<Vec<_>>());
    assert_eq!((rows(&one.unwrap()), none.unwrap().vectors.len()), (vec![7.0], 0));
}

#[tokio::test]
async fn a_text_that_fails_costs_its_own_request_only() {
    let (scheduler, permit, _) = started(Duration::from_secs(9));
    (0..100).for_each(|_| permit.send(()).unwrap());
    let (bad, good) = tokio::join!(
        scheduler.embed(Priority::Search, texts(&[13])),
        scheduler.embed(Priority::Search, texts(&[7, 8])),
    );
    assert_eq!(bad, Err(Refusal::Failed("13 has no vector".into())));
    assert_eq!(rows(&good.unwrap()), [7.0, 8.0]);
    // A defect of the encoder ends neither the thread nor the server.
    assert!(matches!(scheduler.embed(Priority::Search, texts(&[99])).await, Err(Refusal::Failed(_))));
    assert_eq!(rows(&scheduler.embed(Priority::Bulk, texts(&[3])).await.unwrap()), [3.0]);
}

#[tokio::test]
async fn a_client_that_went_away_is_not_computed_for() {
    let (scheduler, permit, fake) = started(Duration::from_secs(9));
    let gone = scheduler.embed(Priority::Bulk, long_texts(&[1; 50]));
    assert!(tokio::time::timeout(Duration::from_millis(50), gone).await.is_err());
    (0..9).for_each(|_| permit.send(()).unwrap());
    assert_eq!(rows(&scheduler.embed(Priority::Bulk, texts(&[5])).await.unwrap()), [5.0]);
    // At most the batch that was begun.
    assert!(fake.encoded.load(Ordering::SeqCst) <= 4);
    assert_eq!(scheduler.load().bulk, 0);
}

#[tokio::test]
async fn too_much_work_ahead_is_refused_with_a_time_and_closing_refuses_all() {
    let (scheduler, permit, _) = started(Duration::from_millis(1));
    permit.send(()).unwrap();
    scheduler.embed(Priority::Bulk, texts(&[1])).await.unwrap();
    scheduler.shared.lock().rate = 1000.0;
    let waiting = scheduler.clone();
    let first = tokio::spawn(async move { waiting.embed(Priority::Bulk, long_texts(&[1; 50])).await });
    while scheduler.load().bulk == 0 {
        tokio::task::yield_now().await;
    }
    let refused = scheduler.embed(Priority::Bulk, texts(&[2])).await;
    assert_eq!(refused, Err(Refusal::Busy(Duration::from_secs(1))));
    scheduler.close();
    assert_eq!(first.await.unwrap(), Err(Refusal::Closed));
    assert_eq!(scheduler.embed(Priority::Search, texts(&[2])).await, Err(Refusal::Closed));
}
