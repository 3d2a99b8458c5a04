"""`manage.py upkeep`: remove files that no row names, take them back, make again files that rows name and are gone."""

from argparse import ArgumentParser
from collections.abc import Callable
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from hls import identity, numbering
from hls import upkeep as engine
from hls.completeness import Lost
from hls.errors import NothingRemoved
from hls.models import Transcode
from hls.removal import TRASH, Trash
from hls.store.interface import Place, StoreFailed
from hls.stores import versions
from library import upkeep as library_upkeep
from library.admin.file_history import replaced_files
from library.disk import size_text
from library.errors import FileRefused
from library.models import Video
from library.videos import take_back


class Command(BaseCommand):
    help = "Take back lapsed leases, remove files that belong to nobody, and tell which videos have lost theirs."

    def add_arguments(self, parser: ArgumentParser) -> None:
        which = parser.add_mutually_exclusive_group()
        which.add_argument("--check", action="store_true", help="Change nothing; exit 1 where there is anything.")
        which.add_argument("--remake", action="store_true", help="Also queue videos whose served files are gone.")
        which.add_argument("--yes", action="store_true", help="Remove what no row names, however much it is.")
        which.add_argument(
            "--restore", action="store_true", help="Take back what rows name from the trash; list the rest."
        )
        which.add_argument(
            "--restore-replaced", type=int, metavar="VIDEO_ID", help="Give a video the file back that it had before."
        )
        which.add_argument("--empty-trash", action="store_true", help="Remove for good what lies in the trash.")
        which.add_argument("--adopt", action="store_true", help="Say that this database and these folders are one.")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            self.do(options)
        except StoreFailed as error:
            raise CommandError(f"{error.strerror} Run it again once the store is back.") from None

    def do(self, options: dict[str, Any]) -> None:
        if options["restore"]:
            self.restore()
        elif options["restore_replaced"] is not None:
            self.restore_replaced(options["restore_replaced"])
        elif options["empty_trash"]:
            self.empty_trash()
        elif options["adopt"]:
            self.adopt()
        else:
            self.look_after(**options)

    def look_after(self, *, check: bool, remake: bool, yes: bool, **others: Any) -> None:
        refused = [] if check else self.sweep(may_be_much=yes)
        lost = library_upkeep.lost()
        found = self.tell_of_bytes()
        if remake:
            self.remake(lost)
        else:
            for gone in lost:
                self.stdout.write(f"{sentence(gone)}: `manage.py upkeep --remake`")
        refused += library_upkeep.doubts() if check else []
        if refused:
            raise CommandError("\n".join(refused))
        if check and found:
            raise CommandError("There are bytes that no row names; `manage.py upkeep` removes them.")
        if lost and not remake:
            raise CommandError("There are videos without their files.")

    def sweep(self, *, may_be_much: bool) -> list[str]:
        """Do now, for all videos, what the workers do each minute. Returns why something was not removed."""
        engine.take_back_lapsed()
        engine.retry_due()
        refused = []
        sweeps: list[Callable[[], object]] = [
            lambda: engine.sweep(may_be_much=may_be_much),
            lambda: library_upkeep.sweep(may_be_much=may_be_much),
        ]
        for sweep in sweeps:
            try:
                sweep()
            except NothingRemoved as error:
                refused.append(str(error))
        return refused

    def restore(self) -> None:
        for store, wanted in library_upkeep.stores().items():
            trash = Trash(store)
            for key in trash.restore(wanted()):
                self.stdout.write(f"restored {store.address(key)}")
            for _, place in trash.items():
                self.stdout.write(f"{place.size_bytes():>14,} {place}, which no row names")

    def restore_replaced(self, video_id: int) -> None:
        """The file that is replaced by this goes to the trash, so that the same command takes it back."""
        video = Video.objects.select_related("transcode").filter(pk=video_id).first()
        replaced = replaced_files(video) if video else []
        if video is None or not replaced:
            raise CommandError(f"The history knows no replaced file of video {video_id}.")
        try:
            take_back(video, replaced[0])
        except FileRefused as error:
            raise CommandError(str(error)) from None
        self.stdout.write(f"Video {video.pk} ({video.title}) is made of {replaced[0].name} again")

    def empty_trash(self) -> None:
        for store in library_upkeep.stores():
            freed = Place(store, TRASH).size_bytes()
            Trash(store).empty(of_everything=True)
            self.stdout.write(f"{size_text(freed)} freed in {store.address('')}")

    def adopt(self) -> None:
        for store in library_upkeep.stores():
            identity.adopt(store)
            self.stdout.write(f"{store.address('')} belongs to the installation {identity.known()}")

    def tell_of_bytes(self) -> int:
        found = [(orphan.place, orphan.size_bytes) for orphan in engine.orphans()]
        found += [(stray.place, stray.size_bytes) for stray in library_upkeep.strays()]
        found += [(Place(versions(), key), size_bytes) for key, size_bytes in versions().unfinished().items()]
        for place, size_bytes in found:
            self.stdout.write(f"{size_bytes:>14,} {place}")
        total = sum(size_bytes for _, size_bytes in found)
        self.stdout.write(f"{total} bytes in {len(found)} places that no row names")
        return len(found)

    def remake(self, lost: list[Lost]) -> None:
        """As after a restore, which this may be."""
        numbering.go_on_after_a_restore()
        hopeless = library_upkeep.make_again([found.transcode for found in lost])
        queued = len(lost) - len(hopeless)
        self.stdout.write(f"{queued} of {len(lost)} videos without files are queued to be made again")
        for transcode in hopeless:
            self.stderr.write(
                f"{name(transcode)} can't be made again: its uploaded file {transcode.source} is gone too"
            )
        if hopeless:
            raise CommandError("Restore these files from a backup, or delete the videos.")


def sentence(lost: Lost) -> str:
    if lost.is_everything:
        return f"{name(lost.transcode)} is listed, but its files are gone"
    first, *others = lost.names
    if others:
        return f"{name(lost.transcode)} is listed, but {len(lost.names)} of its files are gone or changed, as {first}"
    return f"{name(lost.transcode)} is listed, but its file {first} is gone or changed"


def name(transcode: Transcode) -> str:
    return f"Video {transcode.video.pk} ({transcode.video.title})"
