use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;

/// Runs `work` on every item, at most `limit` at a time, and gives the results in the order of the items. Everything
/// runs inside the caller's task, so that the work may borrow.
///
/// `enter` is told the place of an item whenever its work goes on.
pub async fn map<T, R, F, Fut>(
    limit: usize,
    items: Vec<T>,
    enter: impl Fn(usize),
    work: F,
) -> Vec<R>
where
    F: Fn(T) -> Fut,
    Fut: Future<Output = R>,
{
    let mut results: Vec<Option<R>> = items.iter().map(|_| None).collect();
    let mut waiting = items.into_iter().enumerate();
    let mut running: Vec<(usize, Pin<Box<Fut>>)> = Vec::new();
    poll_fn(|context| {
        loop {
            while running.len() < limit.max(1)
                && let Some((place, item)) = waiting.next()
            {
                enter(place);
                running.push((place, Box::pin(work(item))));
            }
            let before = running.len();
            running.retain_mut(|(place, future)| {
                enter(*place);
                match future.as_mut().poll(context) {
                    Poll::Pending => true,
                    Poll::Ready(result) => {
                        results[*place] = Some(result);
                        false
                    }
                }
            });
            if running.is_empty() && waiting.len() == 0 {
                return Poll::Ready(());
            }
            if running.len() == before {
                return Poll::Pending;
            }
        }
    })
    .await;
    results.into_iter().map(|result| result.expect("every item was worked on")).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test]
    async fn keeps_order_and_limit() {
        let (now, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let work = async |item: usize| {
            most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            for _ in 0..item % 5 {
                tokio::task::yield_now().await;
            }
            now.fetch_sub(1, Ordering::SeqCst);
            item * 2
        };
        let results = map(3, (0..40).collect(), |_| (), work).await;
        assert_eq!(results, (0..40).map(|item| item * 2).collect::<Vec<_>>());
        assert_eq!(most.load(Ordering::SeqCst), 3);
        assert!(map(3, Vec::new(), |_| (), async |_: ()| ()).await.is_empty());
    }
}
