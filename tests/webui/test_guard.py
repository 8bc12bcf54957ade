"""Nobody from another site gets anywhere, by whatever method or path."""

from __future__ import annotations

import re
from urllib.parse import urlencode

import pytest

from aiomonitor.access import gate
from aiomonitor.access.gate import Gate
from aiomonitor.webui.asked import Asked
from aiomonitor.webui.guard import Policy
from aiomonitor.webui.insight_api import registry
from aiomonitor.webui.pages import PAGES

from .harness import Browser, watched

PATHS = sorted(
    {
        *(re.sub("{.*}", "1", endpoint.path) for endpoint in registry.endpoints),
        *(path.replace("<ref>", "1") for path in PAGES),
        *("/openapi.json", "/static/js/app.js", "/login", "/login?ticket=x", "/nothing"),
    }
)
METHODS = ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE", "BREW"]
TOKEN = "open sesame é"  # noqa: S105 - no secret


def test_foreign_hosts(browser: Browser) -> None:
    """After a DNS rebinding, the header Host is the foreign name: refused everywhere."""
    for path in PATHS:
        for method in METHODS:
            answer = browser.ask(method, path, Host=f"evil.example:{browser.port}")
            assert answer.status == 403, (method, path)
            assert answer.headers["content-type"] == "application/problem+json"


def asked(method: str = "GET", path: str = "/", **headers: str) -> Asked:
    given = {"host": "localhost:20102", **headers}
    values = {name.replace("_", "-"): [text] for name, text in given.items()}
    return Asked(method=method, target=path, path=path, headers=values)


def status(policy: Policy, request: Asked) -> int:
    problem = policy.judge(request)
    return problem.status if problem else 200


HOSTS = {
    "localhost": 200,
    "LOCALHOST:1": 200,
    "app.localhost:8080": 200,
    "127.0.0.1:20102": 200,
    "127.9.9.9": 200,
    "[::1]:20102": 200,
    "": 400,
    "localhost:x": 400,
    "user@localhost": 400,
    "localhost.evil.example": 403,
    "evil.example": 403,
    "10.0.0.1": 403,
    "[::2]": 403,
    "127.0.0.1.nip.io": 403,
}


@pytest.mark.parametrize("host", HOSTS)
def test_hosts(host: str) -> None:
    """Loopback is allowed by name or literal, at any port."""
    assert status(Policy("127.0.0.1", Gate()), asked(host=host)) == HOSTS[host]


def test_configured_hosts() -> None:
    """So is the host that was configured, and where that is all of them, any address."""
    assert (
        status(Policy("box.lan", Gate("t")), asked(host="BOX.lan:1", authorization="Bearer t"))
        == 200
    )
    assert status(Policy("::", Gate("t")), asked(host="10.0.0.1", authorization="Bearer t")) == 200
    assert status(Policy("::", Gate("t")), asked(host="evil.com", authorization="Bearer t")) == 403


ELSEWHERE = [
    {"origin": "http://evil.example"},
    {"origin": "null"},
    {"origin": "http://localhost:3000"},
    {"sec_fetch_site": "cross-site"},
    {"sec_fetch_site": "same-site"},
    {"sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate", "sec_fetch_dest": "document"},
]


@pytest.mark.parametrize("headers", ELSEWHERE)
def test_other_sites_change_nothing(headers: dict[str, str]) -> None:
    """A request that changes something comes from our own pages or from no page at all."""
    policy = Policy("127.0.0.1", Gate())
    for path in ("/api/tasks/1/cancel", "/login", "/nothing"):
        assert status(policy, asked("POST", path, x_aiomonitor="1", **headers)) == 403


def test_our_own_pages_may() -> None:
    """From our own origin, or from a program, with the header that no form can send."""
    policy = Policy("127.0.0.1", Gate())
    own = {"origin": "http://localhost:20102", "sec_fetch_site": "same-origin"}
    assert status(policy, asked("POST", "/x", x_aiomonitor="1", **own)) == 200
    assert status(policy, asked("POST", "/x", x_aiomonitor="1")) == 200
    assert status(policy, asked("POST", "/x", **own)) == 403
    assert status(policy, asked("DELETE", "/x")) == 403
    assert status(policy, asked("POST", "/login", **own)) == 200


def test_other_sites_read_nothing() -> None:
    """They may link to a page, but neither embed it nor use a stream."""
    policy = Policy("127.0.0.1", Gate())
    link = {"sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate"}
    assert status(policy, asked(sec_fetch_dest="document", **link)) == 200
    assert status(policy, asked(sec_fetch_dest="iframe", **link)) == 403
    assert status(policy, asked(sec_fetch_dest="empty", **link)) == 403
    own = {"sec_fetch_site": "same-origin", "sec_fetch_mode": "navigate"}
    assert status(policy, asked(sec_fetch_dest="empty", **own)) == 200  # it saves a file
    assert status(policy, asked(sec_fetch_dest="iframe", **own)) == 403
    assert status(policy, asked(path="/api/events", sec_fetch_site="cross-site")) == 403
    assert status(policy, asked(path="/api/status", sec_fetch_site="same-site")) == 403


def test_websockets() -> None:
    """A WebSocket needs our own origin: browsers always tell it."""
    policy = Policy("127.0.0.1", Gate())
    for origin, wanted in {"http://localhost:20102": 200, "http://evil": 403, "": 403}.items():
        headers = {"host": ["localhost:20102"], **({"origin": [origin]} if origin else {})}
        request = Asked(method="GET", target="/x", path="/x", headers=headers, websocket=True)
        assert status(policy, request) == wanted


def test_a_header_twice() -> None:
    """What could be read in two ways is refused."""
    request = Asked(method="GET", target="/", path="/", headers={"host": ["localhost", "evil"]})
    assert status(Policy("127.0.0.1", Gate()), request) == 400


def test_no_proxy() -> None:
    """A target that is no path is refused."""
    assert status(Policy("127.0.0.1", Gate()), asked(path="http://evil/")) == 400
    assert status(Policy("127.0.0.1", Gate()), asked("OPTIONS", "*")) == 400


def test_token() -> None:
    """With a token, nothing is answered without it, and reading people are shown the way in."""
    with watched(token=TOKEN) as (_, monitor):
        browser = Browser(monitor.webui_port or 0)
        for path in PATHS:
            if not path.startswith("/login"):
                answer = browser.get(path)
                assert (answer.status, "Bearer" in answer.detail) == (401, True), path
                assert answer.headers["www-authenticate"].startswith("Bearer")
        page = browser.get("/tasks", Accept="text/html")
        assert (page.status, b'action="/login"' in page.body) == (401, True)
        assert browser.get("/api/status", Authorization="Bearer nonsense").status == 401
        given = f"Bearer {TOKEN}".encode().decode("latin1")
        assert browser.get("/api/status", Authorization=given).status == 200


def log_in(browser: Browser, token: str, **headers: str) -> tuple[int, str]:
    form = {"Content_Type": "application/x-www-form-urlencoded", "X_Aiomonitor": None, **headers}
    answer = browser.post("/login", urlencode({"token": token}).encode(), **form)
    return answer.status, answer.headers.get("set-cookie", "")


def test_login() -> None:
    """The token in the form gives a cookie that scripts and other sites do not get."""
    with watched(token=TOKEN) as (_, monitor):
        browser = Browser(monitor.webui_port or 0)
        assert log_in(browser, "wrong") == (401, "")
        assert log_in(browser, TOKEN, Origin="http://evil.example")[0] == 403
        code, cookie = log_in(browser, TOKEN, Origin=f"http://localhost:{browser.port}")
        assert (code, "HttpOnly" in cookie, "SameSite=Strict" in cookie) == (303, True, True)
        assert TOKEN not in cookie
        pair = cookie.partition(";")[0]
        assert browser.get("/api/status", Cookie=f"x=1; {pair}").status == 200
        assert browser.get("/api/status", Cookie=f"{pair}x").status == 401
        assert browser.post("/api/tasks/1/cancel", Cookie=pair, X_Aiomonitor=None).status == 403


def test_guessing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who guesses has to wait, with the right token too."""
    monkeypatch.setattr(gate, "GUESSES", (2, 60.0))
    with watched(token=TOKEN) as (_, monitor):
        browser = Browser(monitor.webui_port or 0)
        assert [log_in(browser, word)[0] for word in ("a", "b", TOKEN)] == [401, 401, 429]


def test_a_link_works_once() -> None:
    """A ticket lets one browser in; looking at the link's head does not use it up."""
    with watched(token=TOKEN) as (_, monitor):
        browser = Browser(monitor.webui_port or 0)
        link = monitor.web_link() or ""
        assert link.startswith(f"http://127.0.0.1:{browser.port}/login?ticket=")
        path = link.partition(str(browser.port))[2]
        assert browser.ask("HEAD", path).status == 200
        first, second = browser.get(path), browser.get(path)
        assert (first.status, second.status) == (200, 401)
        pair = first.headers["set-cookie"].partition(";")[0]
        assert "set-cookie" not in second.headers
        assert browser.get("/tasks", Cookie=pair).status == 200
