//! The index of one part: built in memory on the calling thread, searched for identifiers.

use crate::Result;
use crate::corpus::Part;
use std::fs;
use tantivy::collector::{Count, TopDocs};
use tantivy::directory::RamDirectory;
use tantivy::query::{PhraseQuery, Query, TermQuery};
use tantivy::schema::{Field, IndexRecordOption, STORED, Schema, TEXT, Value};
use tantivy::{Index, IndexBuilder, IndexSettings, ReloadPolicy, Searcher, TantivyDocument, Term};

/// The arena for terms starts with a table for this; what it grows to depends on the text alone.
const ARENA_BYTES: usize = 3 << 20;
/// Files named in an answer.
const MOST_HITS: usize = 10;
/// Of a line that is shown.
const MOST_CHARS: usize = 120;

/// What was read to build an index.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Read {
    pub(crate) files: u64,
    pub(crate) bytes: u64,
}

/// Where an identifier stands.
#[derive(Debug)]
pub(crate) struct Hit {
    pub(crate) path: String,
    /// From 1; 0 when the words stand in the file, but not as this identifier.
    pub(crate) line: u32,
    pub(crate) text: String,
}

/// What a query has found: how many files, and the best of them.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) files: usize,
    pub(crate) hits: Vec<Hit>,
}

/// All files of a part, with their text, so that a hit is shown without reading the disk.
pub(crate) struct PartIndex {
    searcher: Searcher,
    path: Field,
    body: Field,
}

impl PartIndex {
    /// Reads and indexes the files of `part` that are UTF-8, and shows each text to `seen`.
    pub(crate) fn build(part: &Part, mut seen: impl FnMut(&str)) -> Result<(Self, Read)> {
        let mut schema = Schema::builder();
        let path = schema.add_text_field("path", STORED);
        let body = schema.add_text_field("body", TEXT | STORED);
        let directory = RamDirectory::create();
        // One segment, no thread: a part is small, and what its making needs is seen by `plimsoll::measure`.
        let mut writer =
            builder(schema.build()).single_segment_index_writer(directory, ARENA_BYTES)?;
        let mut read = Read::default();
        for file in &part.files {
            // Not UTF-8, or gone since the scan: nothing to search.
            let Ok(text) = fs::read_to_string(part.root.join(file)) else { continue };
            read.files += 1;
            read.bytes += text.len() as u64;
            seen(&text);
            let mut document = TantivyDocument::default();
            document.add_text(path, file.to_string_lossy());
            document.add_text(body, text);
            writer.add_document(document)?;
        }
        let searcher = searcher(&writer.finalize()?)?;
        Ok((PartIndex { searcher, path, body }, read))
    }

    /// Finds the files in which `identifier` stands.
    pub(crate) fn search(&self, identifier: &str) -> Result<Answer> {
        let top = TopDocs::with_limit(MOST_HITS).order_by_score();
        let (files, best) = self.searcher.search(&*self.query(identifier), &(Count, top))?;
        let mut hits = Vec::with_capacity(best.len());
        for (_, address) in best {
            hits.push(self.hit(&self.searcher.doc(address)?, identifier));
        }
        Ok(Answer { files, hits })
    }

    /// The words of an identifier, in a row: `read_line` is indexed as `read`, `line`.
    fn query(&self, identifier: &str) -> Box<dyn Query> {
        let words =
            identifier.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
        let mut terms: Vec<Term> =
            words.map(|word| Term::from_field_text(self.body, &word.to_lowercase())).collect();
        match terms.len() {
            1 => Box::new(TermQuery::new(terms.remove(0), IndexRecordOption::WithFreqs)),
            _ => Box::new(PhraseQuery::new(terms)),
        }
    }

    fn hit(&self, document: &TantivyDocument, identifier: &str) -> Hit {
        let text = |field| document.get_first(field).and_then(|value| value.as_str()).unwrap_or("");
        let mut lines = (1..).zip(text(self.body).lines());
        let (line, found) = lines.find(|(_, line)| line.contains(identifier)).unwrap_or((0, ""));
        let shown = found.trim().chars().take(MOST_CHARS).collect();
        Hit { path: text(self.path).to_owned(), line, text: shown }
    }
}

fn builder(schema: Schema) -> IndexBuilder {
    let settings =
        IndexSettings { docstore_compress_dedicated_thread: false, ..IndexSettings::default() };
    Index::builder().schema(schema).settings(settings)
}

/// Opened once: the index does not change, so nothing has to be watched or reloaded, or kept in a second copy.
fn searcher(index: &Index) -> Result<Searcher> {
    let reader =
        index.reader_builder().reload_policy(ReloadPolicy::Manual).doc_store_cache_num_blocks(1);
    Ok(reader.try_into()?.searcher())
}
