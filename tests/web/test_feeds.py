"""RSS and Atom, reduced to words."""

from __future__ import annotations

from itertools import pairwise

import pytest

from uSense.core.errors import RequestError
from uSense.web import feeds
from uSense.web.feeds import Feed, News, parse, plain
from uSense.web.fetching import Fetched

RSS = """<rss version="2.0"><channel><title>Daily &amp; more</title>
<item><title>&lt;b&gt;Bridge&lt;/b&gt; opens</title><pubDate>Mon, 23 Nov 2026 08:00:00 GMT</pubDate>
<description>&lt;p&gt;After four&lt;br&gt;years.&lt;/p&gt;&lt;script&gt;alert(1)&lt;/script&gt;
&lt;img src=x onerror=alert(1)&gt;</description></item>
<item><title>No date</title><pubDate>some day</pubDate></item></channel></rss>"""
ATOM = """<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom"><title>Blog</title>
<entry><title>One</title><updated>2026-11-22T10:00:00+02:00</updated>
<content type="html">&lt;i&gt;Short&lt;/i&gt;</content></entry></feed>"""
_NESTED = "".join(f"<!ENTITY {a} '{10 * f'&{b};'}'>" for a, b in pairwise("bcdefghi"))
LAUGHS = f"<!DOCTYPE a [<!ENTITY i 'ha'>{_NESTED}]>"
OUTSIDE = '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]>'


def read(text: str, kind: str = "application/xml", encoding: str = "utf-8") -> Feed:
    """What a feed tells."""
    return parse(Fetched(text.encode(encoding), kind, "https://news.example/"))


def test_rss_and_atom_are_read() -> None:
    """Titles, words and times; scripts and tags are left out, and so are times that are none."""
    assert read(RSS) == Feed(
        "Daily & more",
        (News("Bridge opens", "After four years.", "2026-11-23T08:00:00.000Z"), News("No date", "", "")),
    )
    assert read(ATOM) == Feed("Blog", (News("One", "Short", "2026-11-22T08:00:00.000Z"),))


def test_the_encoding_is_where_the_server_says() -> None:
    """Also where the file itself does not."""
    text = '<rss version="2.0"><channel><title>Müller</title><item><title>ä</title></item></channel></rss>'
    assert read(text, "text/xml; charset=iso-8859-1", "latin-1").title == "Müller"
    assert read(text, "").title == "Müller"


@pytest.mark.parametrize("entities", [LAUGHS, OUTSIDE])
def test_entities_lead_nowhere(entities: str) -> None:
    """Neither to a file of this machine nor to gigabytes."""
    title = read(
        f'<?xml version="1.0"?>{entities}<rss version="2.0"><channel><title>x&b;</title></channel></rss>'
    ).title
    assert "root" not in title
    assert len(title) < 200


@pytest.mark.parametrize("text", ["", "<html><body>Not found</body></html>", "[1]", "<", "\x00" * 99])
def test_anything_else_is_no_feed(text: str) -> None:
    """It is said so."""
    with pytest.raises(RequestError, match="no RSS or Atom"):
        read(text)


def test_what_is_long_is_cut() -> None:
    """News by number, words by letters, at a word's end."""
    items = "<item><title>a</title></item>" * (feeds.MOST + 9)
    assert len(read(f'<rss version="2.0"><channel>{items}</channel></rss>').news) == feeds.MOST
    assert plain("one two three four", 10) == "one two …"
    assert len(plain("<p>" + "long " * 99_999, 400)) <= 400
    assert plain("a<i>b</i>c<p>d</p>e <style>f</style>&eacute;&#x41;", 99) == "abc d e éA"
