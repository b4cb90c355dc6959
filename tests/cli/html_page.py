"""A report as a reader finds it: elements with their words, whose tags must be closed and in order."""

import base64
from html.parser import HTMLParser
from pathlib import Path

SINGLE = {"meta", "img", "input", "br"}  # tags without an end


class Element:
    """An element of a page: its tag, its attributes, and what is in it."""

    def __init__(self, tag, attributes):
        self.tag, self.attributes, self.parts = tag, attributes, []

    def all(self, tag):
        inner = [part for part in self.parts if isinstance(part, Element)]
        return [each for part in inner for each in ([part] if part.tag == tag else []) + part.all(tag)]

    @property
    def words(self):
        """All text in it, with single spaces."""
        text = " ".join(part if isinstance(part, str) else part.words for part in self.parts)
        return " ".join(text.split())


class Parser(HTMLParser):
    """Reads a page into elements; every tag must be closed, and in order."""

    def __init__(self, text):
        super().__init__()
        self.open = [Element("", {})]
        self.feed(text)
        self.close()
        assert [each.tag for each in self.open] == [""]

    def handle_starttag(self, tag, attributes):
        self.handle_startendtag(tag, attributes)
        if tag not in SINGLE:
            self.open.append(self.open[-1].parts[-1])

    def handle_startendtag(self, tag, attributes):
        self.open[-1].parts.append(Element(tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop().tag == tag

    def handle_data(self, data):
        self.open[-1].parts.append(data)


def read(path):
    return Parser(Path(path).read_text(encoding="utf-8")).open[0]


def decoded(uri, kind):
    head, _, data = uri.partition(",")
    assert head == f"data:{kind};base64"
    return base64.b64decode(data, validate=True)


def numbers(page):
    """Name, value with unit, and what is said of it, of each key number of one run."""
    tiles = [[part.words for part in tile.parts if isinstance(part, Element)] for tile in page.all("ul")[0].all("li")]
    return {name: (value, extreme) for name, value, extreme in tiles}
