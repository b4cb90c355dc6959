"""The server of the page: on this computer only, with all that a browser needs, so that nothing is asked of a network."""

import os
import signal
import socket
import webbrowser
from collections.abc import Callable
from typing import Any

import panel
from rich.console import Console

from abm.config import ConfigError
from experiments.failures import Refused, reason
from experiments.render import check_grids
from experiments.viewer.listing import listing
from experiments.viewer.page import POLL, Page
from experiments.viewer.shelf import Shelf
from experiments.viewer.style import PAGE_CSS, html, safe

HOST, USUAL_PORT = "127.0.0.1", 5006
TITLE = "remyelin"

TEMPLATE = """
{% extends base %}
{% block postamble %}<style>CSS</style><script>KEYS</script>{% endblock %}
{% block contents %}{{ embed(roots.page) }}{% endblock %}
"""
KEYS = """
document.addEventListener("keydown", (event) => {
  const busy = event.composedPath()[0].matches?.(event.key == " " ? "input, select" : "select")
  const models = [...Bokeh.documents[0].all_models]
  const player = models.find((model) => model.type.endsWith("Player"))
  if (player == null || busy || event.ctrlKey || event.altKey || event.metaKey) return
  const steps = {ArrowLeft: -1, ArrowRight: 1, Home: -player.value, End: player.end - player.value}
  if (event.key == " ") player.direction = player.direction ? 0 : 1
  else if (event.key in steps) player.value = Math.min(Math.max(player.value + steps[event.key], 0), player.end)
  else return
  event.preventDefault()
})
"""


def serve(shelf: Shelf, port: int | None, browser: bool, tell: Callable[[str], None]) -> None:
    """Serve pages on the runs of a shelf until somebody stops it."""
    with Console(stderr=True).status("reading the runs"):
        check_grids([shelf.run(name) for name in shelf.first])
    server = server_of(shelf, port)
    address = f"http://{HOST}:{server.port}/"
    tell(f"{address}   (Ctrl-C ends it)")
    if browser and has_screen():
        server.io_loop.add_callback(webbrowser.open, address)
    for number in (signal.SIGINT, signal.SIGTERM):
        server.io_loop.asyncio_loop.add_signal_handler(number, server.io_loop.stop)
    server.start()
    server.io_loop.start()
    server.stop()
    tell("ended")


def server_of(shelf: Shelf, port: int | None) -> Any:
    """Make the server. Raises Refused where the port that was named cannot be had."""
    port = port_of(port)
    return panel.serve(
        lambda: document(shelf),
        address=HOST,
        port=port,
        websocket_origin=[f"{name}:{port}" for name in (HOST, "localhost")],
        title=TITLE,
        show=False,
        start=False,
        verbose=False,
    )


def port_of(wanted: int | None) -> int:
    """The port that is wanted, by default the usual one, or any that is free where that is taken."""
    for tried in (wanted,) if wanted else (USUAL_PORT, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, tried))
            except OSError as error:
                failure = Refused(f"port {tried} cannot be used: {reason(error)}; name another with --port, or none")
                continue
            return probe.getsockname()[1]
    raise failure


def has_screen() -> bool:
    """Whether this computer has a screen for a browser: one in a terminal would take the terminal away."""
    return os.name == "nt" or os.uname().sysname == "Darwin" or bool({"DISPLAY", "WAYLAND_DISPLAY"} & set(os.environ))


def document(shelf: Shelf) -> panel.Template:
    """Make the page that an address asks for: runs, the list of them, or one sentence on why there is none."""
    asked = {
        name: [value.decode(errors="replace") for value in values] for name, values in panel.state.session_args.items()
    }
    template = panel.Template(TEMPLATE.replace("CSS", PAGE_CSS).replace("KEYS", KEYS))
    template.add_panel("page", content(shelf, asked))
    return template


def content(shelf: Shelf, asked: dict[str, list[str]]) -> Any:
    """What a page shows."""
    shelf.look()
    names = shelf.chosen(asked.get("run", []))
    if not names:
        return html(listing(shelf))
    try:
        page = Page(shelf, names, {name: values[-1] for name, values in asked.items()})
    except (ConfigError, Refused) as failure:
        return html(f'<h1>Nothing to show yet</h1><p>{safe(failure)}</p><p><a href="">look again</a></p>')
    panel.state.add_periodic_callback(page.follow, POLL)
    return page.box
