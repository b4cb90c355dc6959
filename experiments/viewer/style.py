"""How the page looks: figures and widgets in the colours of the pictures, with fonts that every computer has."""

from html import escape
from typing import Any

import panel
from bokeh.models import PlainText
from bokeh.models.annotations import Title
from bokeh.plotting import figure

from experiments.palette import BACK, DIM, GRID, INK, LEAK, PANEL

FONT = "'Segoe UI', 'Helvetica Neue', Helvetica, Arial, sans-serif"

PAGE_CSS = f"""
html, body {{ background: {BACK}; color: {INK}; font-family: {FONT}; margin: 0; color-scheme: dark; }}
body {{ padding: 14px 24px 8px; height: auto; }}
a {{ color: {LEAK}; }}
"""

HTML_CSS = f"""
:host {{ color: {INK}; font: 15px {FONT}; margin: 0; }}
h1 {{ font-size: 26px; font-weight: 650; margin: 0 0 4px; }}
h2 {{ font-size: 14px; font-weight: 650; margin: 0; line-height: 26px; }}
p {{ margin: 0; }}
a {{ color: {LEAK}; }}
.dim {{ color: {DIM}; }}
.day {{ font-size: 44px; font-weight: 700; line-height: 1; white-space: nowrap; text-align: right;
        font-variant-numeric: tabular-nums; }}
.notice {{ color: {LEAK}; text-align: right; white-space: nowrap; }}
.state {{ color: {LEAK}; }}
.arm {{ font-size: 16px; font-weight: 600; line-height: 28px; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }}
.key {{ border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }}
.key td {{ height: 26px; padding: 0; white-space: nowrap; }}
.key td.number {{ text-align: right; padding-left: 10px; }}
.list {{ border-collapse: collapse; }}
.list th, .list td {{ text-align: left; padding: 7px 26px 7px 0; border-bottom: 1px solid {GRID}; }}
.list th {{ color: {DIM}; font-weight: 400; }}
button {{ background: {LEAK}; color: {BACK}; border: 0; border-radius: 4px; padding: 9px 18px; font: 600 15px {FONT};
          margin-top: 16px; cursor: pointer; }}
"""

WIDGET_CSS = f"""
:host {{ color: {INK}; font: 15px {FONT}; --surface-color: {PANEL}; --text-color: {INK}; color-scheme: dark; }}
label {{ color: {INK}; }}
.bk-input, select, .choices__inner, .choices__list--dropdown, .choices__input {{
  background: {PANEL} !important; color: {INK} !important; border: 1px solid {GRID} !important; font: 15px {FONT}; }}
.choices__item {{ color: {INK} !important; background: {PANEL} !important; border-color: {GRID} !important; }}
.choices__item.is-highlighted {{ background: {GRID} !important; }}
.bk-btn {{ background: {PANEL} !important; color: {INK} !important; border: 1px solid {GRID} !important; font: 15px {FONT}; }}
.bk-btn:hover {{ background: {GRID} !important; }}
.bk-btn.bk-active {{ background: {INK} !important; color: {BACK} !important; font-weight: 650; box-shadow: none !important; }}
select {{ appearance: auto !important; }}
input[type=checkbox] {{ accent-color: {DIM}; }}
"""

CHOICE_CSS = """
.bk-input-group label { display: flex; align-items: center; height: 26px; margin: 0; cursor: pointer; white-space: nowrap;
  overflow: hidden; }
.bk-input-group > div { margin: 0; }
"""

PLAYER_CSS = f"""
:host {{ --success-bg-color: {INK}; }}
input[type=range], .pn-player-title {{ display: none; }}
button {{ background: {PANEL} !important; color: {INK} !important; border: 1px solid {GRID} !important; border-radius: 4px;
         height: 34px; cursor: pointer; }}
button:hover {{ background: {GRID} !important; }}
button svg {{ stroke: {INK}; }}
"""

TOOLBAR_CSS = f":host {{ background: transparent !important; --icon-color: {INK}; --bokeh-icon-color: {INK}; }}"


def html(text: str, **options: Any) -> Any:
    """Show HTML. What comes from a config or a folder must have gone through ``safe`` before."""
    return panel.pane.HTML(text, stylesheets=[HTML_CSS], **{"margin": 0, **options})


def safe(text: object) -> str:
    """Write a text so that no part of it is taken for HTML."""
    return escape(str(text))


def words(text: str) -> PlainText:
    """Write a text on a figure so that no part of it is taken for a formula."""
    return PlainText(text=text)


def dark_figure(title: str = "", **options: Any) -> Any:
    """Make a figure on the dark page."""
    fig: Any = figure(
        title=Title(text=words(title)),
        background_fill_color=PANEL,
        border_fill_color=BACK,
        outline_line_color=GRID,
        **options,
    )
    fig.title.text_color, fig.title.text_font, fig.title.text_font_size = INK, FONT, "13px"
    fig.title.text_font_style = "normal"
    fig.grid.grid_line_color = GRID
    fig.axis.axis_line_color = GRID
    fig.axis.major_tick_line_color = GRID
    fig.axis.minor_tick_line_color = None
    fig.axis.major_label_text_color = fig.axis.axis_label_text_color = DIM
    fig.axis.major_label_text_font = fig.axis.axis_label_text_font = FONT
    fig.axis.major_label_text_font_size = fig.axis.axis_label_text_font_size = "12px"
    fig.axis.axis_label_text_font_style = "normal"
    return fig
