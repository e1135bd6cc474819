"""How cards look in HTML: light or dark as `data-theme` on a page's root says, else as the reader's system does."""

__all__ = ["CARD_STYLE"]

LIGHT = (
    "--card-paper:#fff;--card-ink:#1c2430;--card-faint:#5b6675;--card-edge:#dde2e9;--card-wash:#f4f6f9;"
    "--card-tint:#2f6fc4;--figure-calm:#7c8796;--figure-odd:#c9541b;--figure-other:#13806f;--figure-third:#7f4fc4;"
    "--figure-model:#2566bd;"
)
DARK = (
    "--card-paper:#171b22;--card-ink:#e7ebf1;--card-faint:#9aa6b5;--card-edge:#2d3542;--card-wash:#1f252f;"
    "--card-tint:#6aa6f5;--figure-calm:#8b97a7;--figure-odd:#f08a4b;--figure-other:#3cc4ae;--figure-third:#b794f0;"
    "--figure-model:#6ca8f7;"
)
TINTS = {
    '[data-severity="warning"]': ("#a35f00", "#f0b254"),
    '[data-severity="critical"]': ("#bd2438", "#ff7d87"),
    '[data-status="resolved"]': ("#1d7a3e", "#61c886"),
}

UNLESS_LIGHT = ":root:not([data-theme=light]) "
ASKED_DARK = ":root[data-theme=dark] "


def _tinted(before: str, tone: int) -> str:
    return "".join(f"{before}.crackle-card{on}{{--card-tint:{tones[tone]}}}" for on, tones in TINTS.items())


CARD_STYLE = (
    f".crackle-card{{{LIGHT}color-scheme:light dark}}{_tinted('', 0)}"
    f"@media(prefers-color-scheme:dark){{{UNLESS_LIGHT}.crackle-card{{{DARK}}}{_tinted(UNLESS_LIGHT, 1)}}}"
    f"{ASKED_DARK}.crackle-card{{{DARK}}}{_tinted(ASKED_DARK, 1)}"
    + """
.crackle-card{box-sizing:border-box;max-width:46rem;margin:0 0 1rem;padding:1rem 1.2rem .8rem;
background:var(--card-paper);color:var(--card-ink);
border:1px solid var(--card-edge);border-left:4px solid var(--card-tint);border-radius:10px;
font:14px/1.5 system-ui,sans-serif;overflow-wrap:anywhere}
.crackle-card header{display:flex;flex-wrap:wrap;gap:.2rem .7rem;align-items:center;color:var(--card-faint);
font-size:12.5px}
.crackle-card header strong{color:var(--card-tint);text-transform:uppercase;letter-spacing:.05em;font-size:11.5px}
.crackle-card h3{margin:.3rem 0 .2rem;font-size:16.5px;line-height:1.35;font-weight:650}
.crackle-card p{margin:0 0 .4rem;color:var(--card-faint)}
.crackle-card figure{margin:.7rem 0 .5rem}
.crackle-card svg{display:block;width:100%;height:auto}
.crackle-card figcaption{color:var(--card-faint);font-size:12.5px;margin-top:.2rem}
.crackle-card dl{display:grid;grid-template-columns:6.2rem minmax(0,1fr);gap:.3rem .8rem;margin:.6rem 0}
.crackle-card dt{color:var(--card-faint)}
.crackle-card dd{margin:0}
.crackle-card ul{margin:0;padding:0;list-style:none}
.crackle-card .numbers{display:grid;grid-template-columns:repeat(auto-fit,minmax(13rem,1fr));gap:0 1.6rem}
.crackle-card .numbers li{display:flex;justify-content:space-between;gap:.8rem}
.crackle-card .numbers b{font-weight:500;font-variant-numeric:tabular-nums;white-space:nowrap}
.crackle-card .tasks li{display:inline-block;margin:0 .3rem .2rem 0;padding:0 .45rem;background:var(--card-wash);
border-radius:4px}
.crackle-card code{font:12.5px/1.5 ui-monospace,monospace}
.crackle-card dd code{display:block;padding:.3rem .5rem;background:var(--card-wash);border-radius:4px}
.crackle-card footer{color:var(--card-faint);font-size:12px}
@media(max-width:30rem){.crackle-card dl{grid-template-columns:1fr}.crackle-card dt{margin-top:.3rem}}
"""
).replace("\n", "")
"""For a page of many cards: put it there once, and leave it out of each."""
