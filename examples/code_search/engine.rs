//! The search itself: answers every question, from memory where it can, indexing again where it must.

use crate::Result;
use crate::answers::{Answers, Key};
use crate::args::Args;
use crate::corpus::Corpus;
use crate::index::{Answer, PartIndex, Read};
use crate::line::Line;
use crate::needs::Needs;
use crate::progress::Progress;
use crate::projects::Projects;
use crate::questions::Questions;
use crate::summary::{Summary, Tally};
use crate::trail::Trail;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Answers may take this share of the budget.
const ANSWERS_SHARE: u64 = 16;

/// Sources, caches and the line they are held below.
pub(crate) struct Engine {
    corpus: Corpus,
    line: Line,
    projects: Projects,
    answers: Answers,
    questions: Questions,
    needs: Needs,
    tally: Tally,
    trail: Trail,
}

impl Engine {
    /// Nothing is indexed yet.
    pub(crate) fn new(corpus: Corpus, line: Line, args: &Args) -> Result<Self> {
        let projects = Projects::default();
        let answers = Answers::new(line.budget_bytes() / ANSWERS_SHARE);
        line.register(&projects, &answers)?;
        let (questions, needs) =
            (Questions::new(args.seed, corpus.parts.len()), Needs::new(corpus.parts.len()));
        let (tally, trail) = (Tally::default(), Trail::new(args.forget_to_forget));
        Ok(Engine { corpus, line, projects, answers, questions, needs, tally, trail })
    }

    pub(crate) fn parts(&self) -> u64 {
        self.corpus.parts.len() as u64
    }

    /// Indexes every part once and samples what to ask of it. The first ones may be evicted again before the last.
    pub(crate) fn index_all(
        &mut self,
        progress: &mut Progress,
        until: Option<Instant>,
    ) -> Result<()> {
        let mut projects = HashSet::new();
        for number in 0..self.corpus.parts.len() {
            if has_passed(until) {
                break;
            }
            let mut sampler = self.questions.sampler();
            let (_, read, kept) = self.build(number, |text| sampler.look(text))?;
            self.questions.add(number, sampler);
            projects.insert(self.corpus.parts[number].root.clone());
            self.tally.indexed(read, kept);
            progress.step(|| format!("{} of {} in memory", self.projects.len(), number + 1));
        }
        self.tally.projects = projects.len() as u64;
        progress.done();
        Ok(())
    }

    /// Asks `queries` questions, or as many as there is time for.
    pub(crate) fn ask(
        &mut self,
        progress: &mut Progress,
        queries: u64,
        until: Option<Instant>,
    ) -> Result<()> {
        for _ in 0..queries {
            let Some(question) = self.questions.next() else { break };
            if has_passed(until) {
                break;
            }
            let answer = self.answer(&question)?;
            self.trail.add(&question, &answer);
            self.tally.answered(&self.corpus.parts[question.0], &question.1, &answer);
            progress.step(|| format!("{} indexed again", self.tally.reindexed));
        }
        progress.done();
        Ok(())
    }

    fn answer(&mut self, question: &Key) -> Result<Arc<Answer>> {
        if let Some(remembered) = self.answers.get(question) {
            self.tally.cache_hits += 1;
            return Ok(remembered);
        }
        let (part, identifier) = question;
        let answer = Arc::new(self.index_of(*part)?.search(identifier)?);
        self.answers.insert(question.clone(), Arc::clone(&answer));
        Ok(answer)
    }

    /// From memory, else from the sources.
    fn index_of(&mut self, number: usize) -> Result<Arc<PartIndex>> {
        if let Some(held) = self.projects.get(number) {
            return Ok(held);
        }
        self.tally.reindexed += 1;
        let (index, ..) = self.build(number, |_| ())?;
        Ok(index)
    }

    /// Makes room for a part's index, then builds it. The room is made before, not when it is too late.
    fn build(
        &mut self,
        number: usize,
        seen: impl FnMut(&str),
    ) -> Result<(Arc<PartIndex>, Read, u64)> {
        let part = &self.corpus.parts[number];
        self.line.make_room(self.needs.of(number, part))?;
        let (built, delta) = plimsoll::measure(|| PartIndex::build(part, seen));
        let (index, read) = built?;
        let (index, kept) = (Arc::new(index), u64::try_from(delta.live_bytes).unwrap_or(0));
        self.needs.learn(number, delta.peak_live_bytes.unwrap_or(kept));
        self.projects.insert(number, Arc::clone(&index), kept);
        Ok((index, read, kept))
    }

    /// Adds everything up while the indexes are still there.
    pub(crate) fn finish(mut self, took: Duration) -> Summary {
        let ledger = self.line.ledger();
        Summary::new(self.tally, self.line.result(), took, ledger)
    }
}

fn has_passed(until: Option<Instant>) -> bool {
    until.is_some_and(|until| Instant::now() >= until)
}
