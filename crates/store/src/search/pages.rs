//! One page of what matches.

use std::{cmp::Ordering, ops::ControlFlow};

use scim::sort::Key;

use super::{
    Found, MAX_SCANNED, MAX_SCANNED_BY_CURSOR, Match, Paging, Search, SearchError, Source,
    order::{self, Order, Position, Seek},
    rows::Candidate,
};
use crate::{DirectoryTx, attribute_index, error::Result, resources::Resource};

/// A match, with the place of its type among the sources. Its row is read when it is on the page.
#[derive(Clone, Debug)]
struct Hit {
    source: usize,
    position: Position,
    resource: Option<Resource>,
}

impl Hit {
    fn position(&self) -> &Position {
        &self.position
    }
}

impl DirectoryTx<'_> {
    pub(super) async fn search(
        mut self,
        search: &Search,
        sources: &[Source<'_>],
    ) -> Result<Found, SearchError> {
        let (total, hits, next, previous) = match (&search.paging, Order::of_all(search), sources) {
            (Paging::Index(offset), Some(order), [source]) => {
                let (total, hits) = self.index_page(search, source, order, *offset).await?;
                (Some(total), hits, None, None)
            }
            (Paging::Cursor { seek, counts }, Some(order), sources) => {
                let (total, hits, edge) =
                    self.cursor_page(search, sources, order, seek, *counts).await?;
                let (hits, next, previous) =
                    order::links(seek, search.count, hits, edge, Hit::position);
                (total, hits, next, previous)
            }
            (paging, _, sources) => {
                let ranked = self.ranked(search, sources).await?;
                let total = Some(ranked.len());
                match paging {
                    Paging::Index(offset) => {
                        let page = ranked.into_iter().skip(*offset).take(search.count);
                        (total, page.collect(), None, None)
                    }
                    Paging::Cursor { seek, .. } => {
                        let count = search.count;
                        let (hits, next, previous) =
                            order::page(&ranked, search.sort_order, seek, count, Hit::position);
                        (total, hits, next, previous)
                    }
                }
            }
        };
        let page = self.load(sources, hits).await?;
        Ok(Found { total, page, next, previous })
    }

    /// A page by index of one type, in an order that SQL knows. Rows that are passed over are not
    /// read, unless they have to be evaluated.
    async fn index_page(
        &mut self,
        search: &Search,
        source: &Source<'_>,
        order: Order,
        offset: usize,
    ) -> Result<(usize, Vec<Hit>), SearchError> {
        let mut hits = Vec::new();
        if source.exact {
            let seek = match offset {
                0 => Some(Seek::Start),
                _ if search.count == 0 => None,
                offset => {
                    let places = self.places(source, order, &Seek::Start, offset, 1).await?;
                    places.into_iter().next().map(Seek::From)
                }
            };
            if let Some(seek) = &seek {
                hits = self.stretch(source, order, seek, search.count).await?;
            }
            let is_last = seek.is_some() && hits.len() < search.count;
            let total = if is_last { offset + hits.len() } else { self.count(source).await? };
            return Ok((total, hits));
        }
        let mut total = 0;
        let edge = self
            .each_match(search, source, order, &Seek::Start, MAX_SCANNED, |candidate, _| {
                if total >= offset && hits.len() < search.count {
                    hits.push(source.hit(candidate));
                }
                total += 1;
                ControlFlow::Continue(())
            })
            .await?;
        if edge.is_some() { Err(SearchError::TooMany) } else { Ok((total, hits)) }
    }

    /// What follows `seek` in an order that SQL knows, in the direction of reading: one more than
    /// the page takes, if there are more. With the place where reading ended, if that was for its
    /// cost.
    async fn cursor_page(
        &mut self,
        search: &Search,
        sources: &[Source<'_>],
        order: Order,
        seek: &Seek,
        counts: bool,
    ) -> Result<(Option<usize>, Vec<Hit>, Option<Position>), SearchError> {
        let wanted = search.count + 1;
        let forward = |a: &Position, b: &Position| a.compare(b, search.sort_order);
        let reading = |a: &Position, b: &Position| match seek.is_backward() {
            true => forward(b, a),
            false => forward(a, b),
        };
        let mut total = counts.then_some(0);
        let mut hits: Vec<Hit> = Vec::new();
        let mut edge: Option<Position> = None;
        for source in sources {
            if source.exact {
                let stretch = self.stretch(source, order, seek, wanted).await?;
                let all = *seek == Seek::Start && stretch.len() < wanted;
                if let Some(total) = &mut total {
                    *total += if all { stretch.len() } else { self.count(source).await? };
                }
                hits.extend(stretch);
                continue;
            }
            let (mut matches, mut taken) = (0, 0);
            // What has to be counted has to be read from the beginning.
            let counts_here = total.is_some() && *seek == Seek::Start;
            let ended = self
                .each_match(search, source, order, seek, MAX_SCANNED_BY_CURSOR, |candidate, _| {
                    matches += 1;
                    if taken < wanted {
                        taken += 1;
                        hits.push(source.hit(candidate));
                    }
                    if taken == wanted && !counts_here {
                        ControlFlow::Break(())
                    } else {
                        ControlFlow::Continue(())
                    }
                })
                .await?;
            total = match (total, &ended) {
                (Some(total), None) if counts_here => Some(total + matches),
                _ => None,
            };
            if let Some(ended) = ended.filter(|_| taken < wanted)
                && edge.as_ref().is_none_or(|edge| reading(&ended, edge) == Ordering::Less)
            {
                edge = Some(ended);
            }
        }
        hits.sort_by(|a, b| reading(&a.position, &b.position));
        if let Some(edge) = &edge {
            hits.retain(|hit| reading(&hit.position, edge) != Ordering::Greater);
        }
        hits.truncate(wanted);
        Ok((total, hits, edge))
    }

    /// At most `count` matches of a source that is exact, at `seek`, in the direction of reading.
    async fn stretch(
        &mut self,
        source: &Source<'_>,
        order: Order,
        seek: &Seek,
        count: usize,
    ) -> Result<Vec<Hit>> {
        if order.is_indexed() {
            let candidates = self.candidates(source, order, seek, count).await?;
            return Ok(candidates.into_iter().map(|candidate| source.hit(candidate)).collect());
        }
        let places = self.places(source, order, seek, 0, count).await?;
        Ok(places.into_iter().map(|position| source.place(position)).collect())
    }

    /// Everything that matches, in order. For orders that SQL does not know, and pages by index
    /// over several types.
    async fn ranked(
        &mut self,
        search: &Search,
        sources: &[Source<'_>],
    ) -> Result<Vec<Hit>, SearchError> {
        let mut ranked = Vec::new();
        for source in sources {
            let left = MAX_SCANNED - ranked.len();
            let resource_type = &source.part.resource_type.name;
            let sort = source.part.sort.as_ref();
            let order = match (sort, search.sort_order) {
                (Some(sort), Some(order)) => Order::of(resource_type, sort, order),
                _ => Some(Order::CREATION),
            };
            let indexed = sort
                .filter(|_| source.part.condition.is_none())
                .and_then(|sort| attribute_index::sorted_by(resource_type, sort));
            match (order, indexed) {
                (Some(order), _) if source.exact => {
                    let places = self.places(source, order, &Seek::Start, 0, left).await?;
                    ranked.extend(places.into_iter().map(|position| source.place(position)));
                }
                (_, Some(attribute)) => {
                    let order = Order::CREATION;
                    let mut keys = self.sort_keys(resource_type, attribute).await?;
                    for mut position in self.places(source, order, &Seek::Start, 0, left).await? {
                        position.key = keys.remove(&position.id).unwrap_or(Key::Missing);
                        ranked.push(source.place(position));
                    }
                }
                _ => {
                    let take = |candidate: Candidate, object| {
                        let key = sort.map_or(Key::Missing, |sort| sort.key(&object));
                        ranked.push(source.place(Position { key, id: candidate.resource.id }));
                        ControlFlow::Continue(())
                    };
                    let order = Order::CREATION;
                    let ended =
                        self.each_match(search, source, order, &Seek::Start, left, take).await?;
                    if ended.is_some() {
                        return Err(SearchError::TooMany);
                    }
                }
            }
            if ranked.len() >= MAX_SCANNED {
                return Err(SearchError::TooMany);
            }
        }
        ranked.sort_by(|a, b| a.position.compare(&b.position, search.sort_order));
        Ok(ranked)
    }

    /// The rows of the page, with what is asked for of their references.
    async fn load(&mut self, sources: &[Source<'_>], hits: Vec<Hit>) -> Result<Vec<Match>> {
        let mut page = Vec::with_capacity(hits.len());
        for hit in hits {
            let resource_type = &sources[hit.source].part.resource_type.name;
            let resource = match hit.resource {
                Some(resource) => Some(resource),
                None => self.resource(resource_type, &hit.position.id).await?,
            };
            page.extend(resource.map(|resource| Match {
                part: hit.source,
                resource,
                references: None,
            }));
        }
        for source in sources.iter().filter(|source| source.part.references) {
            let resource_type = &source.part.resource_type.name;
            let mine = page.iter().filter(|found| found.part == source.number);
            let mut references =
                self.references(resource_type, mine.map(|found| &found.resource)).await?;
            for found in page.iter_mut().filter(|found| found.part == source.number) {
                found.references = Some(references.remove(&found.resource.id).unwrap_or_default());
            }
        }
        Ok(page)
    }
}

impl Source<'_> {
    fn place(&self, position: Position) -> Hit {
        Hit { source: self.number, position, resource: None }
    }

    fn hit(&self, candidate: Candidate) -> Hit {
        Hit {
            source: self.number,
            position: candidate.position,
            resource: Some(candidate.resource),
        }
    }
}
