//! The order in which a job is carried out.

use super::Job;

impl Job {
    /// The operations in the order of their processing, as segments: runs of operations of which
    /// an earlier one refers to what a later one creates, so that they can only be judged
    /// together. Most have one operation.
    ///
    /// It is the order of the request, but for operations whose *path* names a resource that is
    /// created later: nobody can have changed it in between, so they come right after its
    /// creation, in their order (RFC 7644 §3.7: the result is that of processing in order).
    pub fn segments(&self) -> Vec<Vec<usize>> {
        let order = self.order();
        let mut place = vec![0; order.len()];
        for (at, &operation) in order.iter().enumerate() {
            place[operation] = at;
        }
        let mut segments = Vec::new();
        let mut segment = Vec::new();
        let mut end = 0;
        for (at, &operation) in order.iter().enumerate() {
            segment.push(operation);
            if let Ok(request) = &self.operations[operation].request {
                let last = request.references.iter().map(|&other| place[other]).max();
                end = end.max(last.unwrap_or(0));
            }
            if at >= end {
                segments.push(std::mem::take(&mut segment));
            }
        }
        segments
    }

    fn order(&self) -> Vec<usize> {
        let mut delayed = vec![Vec::new(); self.operations.len()];
        let mut order = Vec::with_capacity(self.operations.len());
        for (at, operation) in self.operations.iter().enumerate() {
            let created_by = operation.request.as_ref().ok().and_then(|r| r.created_by);
            match created_by.filter(|&created_by| created_by > at) {
                Some(created_by) => delayed[created_by].push(at),
                None => {
                    order.push(at);
                    order.append(&mut delayed[at]);
                }
            }
        }
        order
    }
}
