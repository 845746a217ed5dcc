"""A file or folder of a writer, and how it goes the whole way."""

from dataclasses import dataclass
from pathlib import Path


@dataclass
class Case:
    """`name` is that of the file or folder; `refused` the error that the program must give."""

    name: str
    columns: tuple = ("nir",)
    options: tuple = ()
    encoding: str = "utf-8"
    delimiter: str = ","
    missing: tuple = ()
    refused: str = ""
    renewed: bool = False

    def own(self, quality=True):
        """The columns that come in place of those that were sent."""
        many = len(self.columns) > 1
        names = [(f"{column}_code", f"{column}_quality") if many else ("code", "quality") for column in self.columns]
        return [name for pair in names for name in pair[:2 if quality else 1]]

    def shape(self, renewal=False):
        """What `prepare` is told of the form of a file of text."""
        words = []
        if self.delimiter != ("\t" if ".tsv" in self.name else ","):
            words += ["--delimiter", "tab" if self.delimiter == "\t" else self.delimiter]
        # Of UTF-16 comes UTF-8.
        encoding = {"utf-8-sig": "utf-8", "utf-16": "utf-8" if renewal else "utf-16le"}.get(self.encoding, self.encoding)
        return words if encoding == "utf-8" else [*words, "--encoding", encoding]

    def prepare(self):
        words = [word for column in self.columns for word in ("--identifier-column", column)]
        words += [word for text in self.missing for word in ("--missing", text)]
        return [*words, *self.shape(), *self.options]


def files(path: Path):
    """The files of data of a folder, as the program takes them, or the file itself."""
    if path.is_file():
        return [path]
    found = [file for file in path.rglob("*") if file.is_file()]
    hidden = [file for file in found if any(part[0] in "_." for part in file.relative_to(path).parts)]
    return sorted(set(found) - set(hidden))
