"""A page of another site, in a browser that also reaches the monitor, tries to cancel a task."""

from __future__ import annotations

import http.server
import threading
from typing import TYPE_CHECKING, Any, Final

import pytest

from .harness import FOREIGN, Application, expect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

    from .harness import Tab

pytestmark = pytest.mark.browser

VICTIM: Final = "deliveries"

ATTACK: Final = """async (target) => {
    const told = {};
    const cancel = target + '/api/tasks/deliveries/cancel';
    const attempt = async (name, make) => {
        try { told[name] = await make(); } catch (error) { told[name] = error.name; }
    };
    const json = {'Content-Type': 'application/json'};
    const header = {...json, 'X-Aiomonitor': '1'};
    const asked = async (url, options) => {
        const answer = await fetch(url, options);
        return answer.type + ' ' + answer.status + ' ' + (await answer.text()).slice(0, 80);
    };
    const loaded = (tag, attribute, url) => new Promise((resolve) => {
        const element = document.createElement(tag);
        element.onload = () => resolve('loaded');
        element.onerror = () => resolve('error');
        element[attribute] = url;
        document.body.append(element);
    });
    const form = (enctype) => new Promise((resolve) => {
        const frame = document.createElement('iframe');
        frame.name = 'frame-' + enctype;
        document.body.append(frame);
        const sent = document.createElement('form');
        Object.assign(sent, {method: 'post', action: cancel, target: frame.name, enctype});
        document.body.append(sent);
        frame.onload = () => resolve('sent');
        sent.submit();
    });
    await attempt('simple', () => asked(cancel, {method: 'POST'}));
    await attempt('no-cors', () => asked(cancel, {method: 'POST', mode: 'no-cors', body: '{}'}));
    await attempt('no-cors header', () =>
        asked(cancel, {method: 'POST', mode: 'no-cors', headers: header, body: '{}'}));
    await attempt('cors', () => asked(cancel, {method: 'POST', headers: header, body: '{}'}));
    await attempt('credentials', () =>
        asked(cancel, {method: 'POST', headers: header, body: '{}', credentials: 'include'}));
    await attempt('put', () => asked(cancel, {method: 'PUT', headers: header, body: '{}'}));
    await attempt('get', () => asked(cancel));
    await attempt('read', () => asked(target + '/api/tasks'));
    await attempt('beacon', async () => navigator.sendBeacon(cancel, '{}'));
    await attempt('image', () => loaded('img', 'src', cancel));
    await attempt('script', () => loaded('script', 'src', target + '/api/tasks'));
    await attempt('module', () => import(target + '/static/js/api.js').then(() => 'imported'));
    await attempt('form', () => form('application/x-www-form-urlencoded'));
    await attempt('form text', () => form('text/plain'));
    await attempt('form data', () => form('multipart/form-data'));
    await attempt('events', () => new Promise((resolve) => {
        const source = new EventSource(target + '/api/events?view=overview');
        source.addEventListener('status', () => resolve('heard'));
        source.onerror = () => { source.close(); resolve('refused'); };
    }));
    await attempt('socket', () => new Promise((resolve) => {
        const address = target.replace('http', 'ws') + '/console/socket';
        const socket = new WebSocket(address, 'aiomonitor-console');
        socket.onopen = () => resolve('open');
        socket.onerror = () => resolve('refused');
    }));
    await attempt('worker', () => { new Worker(target + '/static/js/api.js'); return 'started'; });
    return told;
}"""

REFUSED: Final = ("TypeError", "opaque 0", "error", "refused", "sent", "SecurityError", "True")
"""What an attempt may come to: no answer, one that cannot be read, or a refusal in a frame."""


class Empty(http.server.BaseHTTPRequestHandler):
    """Another site's server: an empty page."""

    def do_GET(self) -> None:
        """Answer with nothing."""
        body = b"<!doctype html><title>hostile</title><body>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Say nothing."""


@pytest.fixture(scope="module")
def hostile_port() -> Iterator[int]:
    """Where the other site is served."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Empty) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A tab of the hostile site."""
    with browser.new_context() as context:
        yield context.new_page()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", FOREIGN])
@pytest.mark.parametrize("target", ["127.0.0.1", "localhost", FOREIGN])
def test_another_site_can_do_nothing(
    page: Page, application: Application, hostile_port: int, host: str, target: str
) -> None:
    """By no means can a page of another origin cancel a task, or read anything."""
    page.goto(f"http://{host}:{hostile_port}/")
    told = page.evaluate(ATTACK, application.url("", target))
    assert len(told) == 18
    for means, outcome in told.items():
        assert str(outcome).startswith(REFUSED), f"{means}: {outcome}"
    assert application.call("is_alive", VICTIM)


def test_rebinding_shows_nothing(page: Page, application: Application) -> None:
    """A page that the monitor itself would serve under a foreign name is refused."""
    for path in ("/", "/tasks", "/api/tasks", "/static/js/api.js", "/api/events?view=overview"):
        answer = page.goto(application.url(path, FOREIGN))
        assert answer is not None
        assert answer.status == 403
        assert VICTIM not in page.content()
    told = page.evaluate(ATTACK, application.url("", FOREIGN))
    assert "heard" not in told.values()
    assert "open" not in told.values()
    assert application.call("is_alive", VICTIM)


def test_it_cannot_be_framed(page: Page, application: Application, hostile_port: int) -> None:
    """No other site can show the pages inside of its own, to catch clicks."""
    page.goto(f"http://127.0.0.1:{hostile_port}/")
    page.evaluate(
        """(url) => new Promise((resolve) => {
            const frame = document.createElement('iframe');
            frame.onload = resolve;
            frame.src = url;
            document.body.append(frame);
        })""",
        application.url("/tasks"),
    )
    assert all("deliveries" not in frame.content() for frame in page.frames)
    assert all(frame.locator(".grid").count() == 0 for frame in page.frames)


def test_its_own_page_still_can(tab: Tab, application: Application) -> None:
    """The very same request from the monitor's own page does cancel: the attempts were real."""
    application.call("add", 1, "willing")
    tab.open("/tasks")
    status = tab.page.evaluate(
        """() => fetch('/api/tasks/willing-0/cancel', {
            method: 'POST',
            headers: {'Content-Type': 'application/json', 'X-Aiomonitor': '1'},
            body: '{}',
        }).then((answer) => answer.status)"""
    )
    assert status == 200
    assert not application.call("is_alive", "willing-0")
    opened = tab.page.evaluate(
        """() => new Promise((resolve) => {
            const address = `ws://${location.host}/console/socket`;
            const socket = new WebSocket(address, 'aiomonitor-console');
            socket.onopen = () => { socket.close(); resolve(true); };
            socket.onerror = () => resolve(false);
        })"""
    )
    assert opened
    expect(tab.page.locator(".grid")).to_be_visible()
