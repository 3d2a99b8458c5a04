"""How a picture fits the film's frame."""


def scaled(width: int, height: int, *options: str) -> list[str]:
    return [":".join([f"scale={width}:{height}", *options])]
