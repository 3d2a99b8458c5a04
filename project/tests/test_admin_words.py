"""The admin says what is so here, in our words: no sentence of Unfold's or Django's that is about something else."""

from django.test import Client

from accounts.models import User

STOCK = ("Single Sign-On", "LDAP", "quality time", "yielded", "Forgotten your password or username")


def test_no_page_has_a_stock_sentence_that_is_not_ours(admin: Client) -> None:
    pk = User.objects.get().pk
    pages = [
        admin.get(address).content.decode()
        for address in (
            "/admin/accounts/user/add/",
            f"/admin/accounts/user/{pk}/password/",
            "/admin/accounts/user/?q=nobody",
            "/admin/accounts/mail/",
            "/admin/auth/group/",
        )
    ]
    pages += [admin.post("/admin/logout/").content.decode(), admin.get("/admin/login/").content.decode()]
    assert [words for page in pages for words in STOCK if words in page] == []
    assert "Nothing here fits the search and the filters." in pages[2]
    assert "There are no mails yet." in pages[3]
    assert "You are signed out of" in pages[-2]
    assert "Forgot password?" in pages[-1]


def test_every_page_begins_with_a_way_past_the_menu(admin: Client) -> None:
    page = admin.get("/admin/accounts/user/").content.decode()
    assert page.index('href="#content"') < page.index('id="nav-sidebar"')
