//! The section `[tool.tidegate.check]` of a `pyproject.toml`.

use crate::CheckError;
use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

/// What a project wants to be told of its scripts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// Codes of rules, or beginnings of them; empty for all.
    pub select: Vec<String>,
    /// Codes of rules that are not applied.
    pub ignore: Vec<String>,
    /// Paths, as `.gitignore` writes them, that are not looked at in folders.
    pub exclude: Vec<String>,
    /// Files behind names: `raw = "data/big.csv"`, relative to the project.
    pub data: BTreeMap<String, PathBuf>,
}

const KEYS: [&str; 4] = ["select", "ignore", "exclude", "data"];

/// Returns what the `pyproject.toml` of a folder, or of the nearest one above it, says; and the folder of that file.
///
/// # Errors
/// [`CheckError::Config`] if the section is wrong, [`CheckError::Read`] if the file cannot be read.
pub(crate) fn config_of(folder: &Path) -> Result<Option<(PathBuf, Config)>, CheckError> {
    let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_path_buf());
    for folder in folder.ancestors() {
        let path = folder.join("pyproject.toml");
        match fs::read_to_string(&path) {
            Ok(text) => return Ok(Some((folder.to_path_buf(), parse_config(&path, &text)?))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(source) => return Err(CheckError::Read { path, source }),
        }
    }
    Ok(None)
}

/// Reads the section.
///
/// # Errors
/// [`CheckError::Config`] if it is wrong. A file that is no TOML is one too: whoever wrote it wants to know.
fn parse_config(path: &Path, text: &str) -> Result<Config, CheckError> {
    let wrong = |message: String| CheckError::Config { path: path.to_path_buf(), message };
    let document = DeTable::parse(text).map_err(|error| wrong(error.to_string().trim_end().to_owned()))?;
    let mut config = Config::default();
    let Some(section) = section(document.get_ref()) else { return Ok(config) };
    for (key, value) in section {
        let name = key.get_ref().as_ref();
        let here = |message: &str| wrong(format!("line {}: {message}", line(text, key)));
        match name {
            "select" => config.select = texts(value).ok_or_else(|| here("`select` is no list of texts"))?,
            "ignore" => config.ignore = texts(value).ok_or_else(|| here("`ignore` is no list of texts"))?,
            "exclude" => config.exclude = texts(value).ok_or_else(|| here("`exclude` is no list of texts"))?,
            "data" => config.data = files(value).ok_or_else(|| here("`data` is no table of paths"))?,
            _ => return Err(here(&format!("unknown key `{name}`; there are {}", KEYS.join(", ")))),
        }
    }
    Ok(config)
}

fn section<'a, 'b>(document: &'b DeTable<'a>) -> Option<&'b DeTable<'a>> {
    ["tool", "tidegate", "check"].iter().try_fold(document, |table, key| match table.get(*key)?.get_ref() {
        DeValue::Table(inner) => Some(inner),
        _ => None,
    })
}

fn line<T>(text: &str, key: &Spanned<T>) -> usize {
    text.get(..key.span().start).unwrap_or_default().matches('\n').count() + 1
}

fn texts(value: &Spanned<DeValue<'_>>) -> Option<Vec<String>> {
    let DeValue::Array(list) = value.get_ref() else { return None };
    list.iter().map(text).collect()
}

fn files(value: &Spanned<DeValue<'_>>) -> Option<BTreeMap<String, PathBuf>> {
    let DeValue::Table(table) = value.get_ref() else { return None };
    table.iter().map(|(key, value)| Some((key.get_ref().clone().into_owned(), text(value)?.into()))).collect()
}

fn text(value: &Spanned<DeValue<'_>>) -> Option<String> {
    match value.get_ref() {
        DeValue::String(text) => Some(text.clone().into_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Config, String> {
        parse_config(Path::new("pyproject.toml"), text).map_err(|error| error.to_string())
    }

    #[test]
    fn a_section_is_read() {
        let text = "[project]\nname = 'a'\n[tool.tidegate.check]\nselect = ['TG0']\nignore = ['TG015']\n\
                    exclude = ['old/']\ndata = { raw = 'big.csv' }\n";
        let config = read(text).unwrap();
        assert_eq!((config.select, config.ignore), (vec!["TG0".to_owned()], vec!["TG015".to_owned()]));
        assert_eq!(config.exclude, ["old/"]);
        assert_eq!(config.data.get("raw"), Some(&PathBuf::from("big.csv")));
        assert_eq!(read("[tool.ruff]\nline-length = 120\n").unwrap(), Config::default());
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        let error = read("[tool.tidegate.check]\nselekt = []\n").unwrap_err();
        assert!(error.contains("line 2: unknown key `selekt`"), "{error}");
        assert!(read("[tool.tidegate.check]\nselect = 1\n").unwrap_err().contains("no list of texts"));
        assert!(read("[tool\n").is_err());
    }
}
