"""What becomes of the text of a cue: everything a viewer should read, and nothing that a page would run."""

import html
import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hls.core.subtitles.cues import MOST_TEXT
from hls.core.subtitles.sanitising import escaped, plain_text, safe_settings, safe_text, without_forbidden

ELEMENTS = {"b", "i", "u", "v", "ruby", "rt"}
PIECES = [
    *("<", ">", "/", "&", "{", "}", "\\", '"', "'", "=", "-", "--", "-->", "\n", "\n\n", " ", "\t", "\x00", "\x85"),
    *("<b>", "</b>", "<i>", "</i>", "<u class=x>", "<v Mary>", "<v onclick=alert(1)>", "</v>", "<ruby>", "<rt>"),
    *("<script>", "</script>", "<SCRIPT src=x>", "<style>", "<img src=x onerror=alert(1)>", "<svg/onload=alert(1)>"),
    *("<c.red>", "<00:01.000>", "<!--", "<![CDATA[", "<?php", "</", "<a href=javascript:alert(1)>", "<font color=x>"),
    *("&lt;", "&gt;", "&amp;", "&nbsp;", "&#60;", "&#x3c;", "&#0;", "&#xd800;", "&NewLine;", "&bogus;", "&lt"),
    *("{\\p1}", "{\\p0}", "{\\i1}", "{\\i0}", "{\\r}", "{\\an8}", "{comment}", "m 0 0 l 9 9", "word", "שלום", "\u200f"),
]
HOSTILE = st.lists(st.sampled_from(PIECES) | st.text(max_size=5), max_size=30).map("".join)


class Page(HTMLParser):
    """What a browser would make of a text that a page puts into innerHTML."""

    def __init__(self, markup: str) -> None:
        super().__init__(convert_charrefs=True)
        self.opened: list[str] = []
        self.closed: list[str] = []
        self.attributes: list[tuple[str, str, str | None]] = []
        self.others: list[str] = []
        self.feed(markup)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.opened.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        self.closed.append(tag)

    def handle_comment(self, data: str) -> None:
        self.others.append(data)

    def handle_decl(self, decl: str) -> None:
        self.others.append(decl)

    def handle_pi(self, data: str) -> None:
        self.others.append(data)

    def unknown_decl(self, data: str) -> None:
        self.others.append(data)


@given(HOSTILE, st.booleans())
def test_nothing_runs_in_a_page_that_takes_the_text_for_html(source: str, is_ass: bool) -> None:
    page = Page(safe_text(without_forbidden(source), is_ass=is_ass))

    assert set(page.opened) <= ELEMENTS
    assert sorted(page.opened) == sorted(page.closed)
    assert page.others == []
    # A browser takes the words of a speaker's name for attributes: none has a value
    assert {(tag, value) for tag, _, value in page.attributes} <= {("v", None)}


@given(HOSTILE, st.booleans())
def test_text_stands_in_a_webvtt_cue(source: str, is_ass: bool) -> None:
    text = safe_text(without_forbidden(source), is_ass=is_ass)

    assert "-->" not in text
    assert text == "" or all(line.strip() for line in text.split("\n"))
    assert not set(re.sub(r"</?(?:b|i|u|ruby|rt)>|<v [^<>&=\"/]+>|</v>|&(?:amp|lt|gt);", "", text)) & set("<>&\r\x00")
    assert len(plain_text(text)) <= MOST_TEXT
    text.encode()  # no lone surrogate


@given(HOSTILE.map(lambda source: source.replace("{", "")))  # a tag may have stood between a brace and a code
def test_what_is_safe_stays_as_it_is(source: str) -> None:
    text = safe_text(without_forbidden(source))

    assert safe_text(text) == text


@given(st.text())
def test_plain_text_comes_back(source: str) -> None:
    assert plain_text(escaped(without_forbidden(source))) == " ".join(without_forbidden(source).split())


@pytest.mark.parametrize(
    ("source", "kept"),
    [
        ("<b>a</b> <i>b</i> <u>c</u>", "<b>a</b> <i>b</i> <u>c</u>"),
        ("<I>upper</I>", "<i>upper</i>"),
        ("<b>never closed", "<b>never closed</b>"),
        ("<b>a<i>b</b>c</i>", "<b>a<i>b</i></b>c"),
        ("</i>never opened", "never opened"),
        ("<i.loud class=x onclick=alert(1)>a</i>", "<i>a</i>"),
        ("<v Mary>Hi <v.loud Dr. O'Neil>Ho", "<v Mary>Hi </v><v Dr. O'Neil>Ho</v>"),
        ("<v मीरा>नमस्ते</v>", "<v मीरा>नमस्ते</v>"),
        ("<v Mary (far away)>Hi", "<v Mary far away>Hi</v>"),
        ("<v>nobody</v>", "nobody"),
        ("<v a--&gt;>b", "<v a>b</v>"),
        ("<ruby>漢<rt>kan</rt></ruby>", "<ruby>漢<rt>kan</rt></ruby>"),
        ("<ruby>漢<rt>kan<rt>ji</ruby>", "<ruby>漢<rt>kan</rt><rt>ji</rt></ruby>"),
        ("<rt>without ruby</rt>", "without ruby"),
        ("one<br>two<br />three", "one\ntwo\nthree"),
    ],
)
def test_tags_that_players_know_are_kept_and_balanced(source: str, kept: str) -> None:
    assert safe_text(source) == kept


@pytest.mark.parametrize(
    ("source", "kept"),
    [
        ("<script>alert(1)</script>Hello", "Hello"),
        ("<script>alert(1)", ""),
        ("<style>::cue{color:red}</style>Hello", "Hello"),
        ("<scr<script>ipt>alert(1)</script>", "&lt;scr"),
        ("<img src=x onerror=alert(1)>Hello", "Hello"),
        ("<v onclick=alert(1)>Hello", "Hello"),
        ("<c.yellow.bg_blue>Hello</c>", "Hello"),
        ("what's<00:00:00.719><c> up</c>", "what's up"),
        ('<font color="#ffff00">Hello</font>', "Hello"),
        ("<lang en>Hello</lang>", "Hello"),
        ("<b-foo>Hello</b-foo>", "Hello"),
        ("<!-- hidden -->Hello", "Hello"),
        ("{\\an8}{\\fad(200,200)\\blur2}Hello", "Hello"),
    ],
)
def test_other_tags_go(source: str, kept: str) -> None:
    assert safe_text(source) == kept


@pytest.mark.parametrize(
    ("source", "kept"),
    [
        ("Tom & Jerry", "Tom &amp; Jerry"),
        ("Tom &amp; Jerry", "Tom &amp; Jerry"),
        ("&amp;lt;", "&amp;lt;"),
        ("1 < 2 > 0", "1 &lt; 2 &gt; 0"),
        ("I <3 you", "I &lt;3 you"),
        ("&lt;script&gt;alert(1)&lt;/script&gt;", "&lt;script&gt;alert(1)&lt;/script&gt;"),
        ("&#60;b&#x3E;", "&lt;b&gt;"),
        ("a&nbsp;b&eacute;", "a\xa0bé"),
        ("&bogus; &notit;", "&amp;bogus; &amp;notit;"),
        ("&lrm;abc&rlm;", "\u200eabc\u200f"),
        ("--> not an arrow", "--&gt; not an arrow"),
        ("--&#62; nor this", "--&gt; nor this"),
        ("{plain braces}", "{plain braces}"),
    ],
)
def test_text_is_escaped_exactly_once(source: str, kept: str) -> None:
    assert safe_text(source) == kept


@pytest.mark.parametrize(
    ("source", "kept"),
    [
        ("{\\p1}m 0 0 l 100 0 100 100{\\p0}Hello", "Hello"),
        ("{\\an7\\pos(0,0)\\p4}m 0 0 b 1 1 2 2", ""),
        ("{\\pos(10,20)\\pbo3}Hello", "Hello"),
        ("{\\i1}Hel{\\b700}lo{\\r} there", "<i>Hel<b>lo</b></i> there"),
        ("{\\i1}one{\\i0} two{\\i} three", "<i>one</i> two three"),
        ("{\\bord2\\blur1\\iclip(0,0,1,1)}Hello", "Hello"),
        ("{\\k20}Ka{\\k30}ra{\\kf40}o{\\ko5}ke", "Karaoke"),
        ("{a translator's comment}Hello", "Hello"),
        ("Hello {never closed", "Hello {never closed"),
    ],
)
def test_codes_of_ass_go(source: str, kept: str) -> None:
    assert safe_text(source, is_ass=True) == kept


def test_marks_of_writing_direction_stay_and_control_characters_go() -> None:
    assert without_forbidden("\ufeffa\x00b\x1b[0m\x9fc\ud800\uffff\u200f\u2067ד\u2069") == "ab[0mc\u200f\u2067ד\u2069"


def test_line_breaks_are_those_of_any_system() -> None:
    assert without_forbidden("a\r\nb\rc\r\r\nd\u2028e\n") == "a\nb\nc\nd\ne\n"


def test_empty_lines_would_end_the_cue() -> None:
    assert safe_text(" a \n\n \n<i> </i>\n&NewLine;&#10;b\n") == "a\n<i> </i>\nb"


@pytest.mark.parametrize("source", ["", "  \n", "<i></i>", "<b> </b>", "{\\an8}", "&nbsp;", "<c>\n</c>"])
def test_nothing_to_see_is_no_text(source: str) -> None:
    assert safe_text(source) == ""


def test_a_megabyte_in_one_cue_is_cut() -> None:
    assert safe_text("word " * 200_000) == ("word " * 200_000)[:MOST_TEXT].strip()
    assert safe_text("<i>" + "&amp;" * 200_000) == f"<i>{'&amp;' * MOST_TEXT}</i>"


@pytest.mark.parametrize(
    ("source", "kept"),
    [
        ("line:0 position:20% size:60% align:start", "line:0 position:20% size:60% align:start"),
        ("vertical:rl line:-1,end position:50.5%,line-left", "vertical:rl line:-1,end position:50.5%,line-left"),
        ("align:middle", "align:center"),
        ("region:fred align:left", "align:left"),
        ("line:0 line:5%", "line:5%"),
        ("position:101% size:-5% line:x align:top vertical:up", ""),
        ("X1:100 X2:200 Y1:10 Y2:20", ""),
        ("align:start<script>", ""),
        ("onclick:alert(1) size:50%", "size:50%"),
        ("", ""),
    ],
)
def test_only_valid_settings_stay(source: str, kept: str) -> None:
    assert safe_settings(source) == kept


def test_plain_text_is_what_a_viewer_reads() -> None:
    assert plain_text("<v Mary>Tom &amp; <i>Jerry</i></v>\n&lt;3") == "Tom & Jerry <3"
    assert html.unescape(escaped("a & <b>")) == "a & <b>"
