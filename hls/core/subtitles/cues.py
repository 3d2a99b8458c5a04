"""What every text track consists of, whatever file it came from, and how much of it is accepted."""

from dataclasses import dataclass

MOST_CUES = 40_000  # two hours of talk are 2,000; signs that are animated picture by picture are thousands
MOST_TEXT = 2_000  # characters of one cue that a viewer sees; what is longer is cut
LATEST_MS = 1_000 * 3_600_000  # nothing lasts longer; what begins later is dropped


@dataclass(frozen=True)
class Cue:
    """A text and when it is shown, in milliseconds from the video's beginning.

    `text` is WebVTT cue text that is sanitised: tags are balanced, `&`, `<` and `>` are escaped, and there is neither
    an empty line nor `-->`. `settings` are WebVTT cue settings that are valid, such as `line:0 align:start`.
    """

    start_ms: int
    end_ms: int
    text: str
    settings: str = ""


class TextRefused(ValueError):
    """A file that can't become a track. Its text is one sentence for people: what is wrong, and what is accepted."""
