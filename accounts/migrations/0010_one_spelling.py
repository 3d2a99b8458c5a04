from typing import Any

from django.db import migrations
from django.db.models import Q

from accounts.mailboxes import normalised

TAKES_LETTERS = r"@.*([^ -~]|xn--)"  # hosts that can be spelled in two ways


def spell_anew(apps: Any, schema_editor: Any) -> None:
    """One of two accounts that differ only in how their host is spelled keeps the spelling that nobody finds it by."""
    users, mails = apps.get_model("accounts", "User").objects, apps.get_model("accounts", "Mail").objects
    for user in users.filter(email__iregex=TAKES_LETTERS):
        old, new = user.email, normalised(user.email)
        if old == new or users.filter(Q(email__iexact=new) | Q(username__iexact=new)).exclude(pk=user.pk).exists():
            continue
        username = new if user.username == old else user.username
        users.filter(pk=user.pk).update(email=new, username=username)
    for user in users.filter(new_email__iregex=TAKES_LETTERS):
        users.filter(pk=user.pk).update(new_email=normalised(user.new_email))
    for mail in mails.filter(address__iregex=TAKES_LETTERS):
        mails.filter(pk=mail.pk).update(address=normalised(mail.address))


class Migration(migrations.Migration):
    dependencies = [("accounts", "0009_email_check")]

    operations = [migrations.RunPython(spell_anew, migrations.RunPython.noop)]
