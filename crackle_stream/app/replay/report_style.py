"""How the report looks: light or dark as the reader's system is, and on paper."""

from crackle_stream.render import CARD_STYLE

__all__ = ["STYLE"]

LIGHT = (
    "--paper:#fbfcfd;--ink:#1c2430;--faint:#5b6675;--edge:#dde2e9;--wash:#f0f3f7;"
    "--info:#2f6fc4;--warning:#b7791f;--critical:#bd2438;"
)
DARK = (
    "--paper:#101319;--ink:#e7ebf1;--faint:#9aa6b5;--edge:#2d3542;--wash:#1b2029;"
    "--info:#6aa6f5;--warning:#f0b254;--critical:#ff7d87;"
)

STYLE = (
    f":root{{{LIGHT}color-scheme:light dark}}@media(prefers-color-scheme:dark){{:root{{{DARK}}}}}"
    + """
body{margin:0;background:var(--paper);color:var(--ink);font:15px/1.5 system-ui,sans-serif}
main{max-width:66rem;margin:0 auto;padding:1.6rem 1.2rem 3rem}
h1{font-size:1.45rem;margin:0;overflow-wrap:anywhere}
h2{font-size:1.1rem;margin:2.2rem 0 .6rem}
p{margin:.3rem 0}
.faint,figcaption{color:var(--faint)}
.figures{display:flex;flex-wrap:wrap;gap:.6rem;margin:1.1rem 0 0;padding:0;list-style:none}
.figures li{background:var(--wash);border-radius:8px;padding:.5rem .9rem;min-width:7rem}
.figures b{display:block;font-size:1.25rem;font-weight:650;font-variant-numeric:tabular-nums}
.figures span{color:var(--faint);font-size:.85rem}
.timeline{display:block;width:100%;height:auto;font:12px system-ui,sans-serif;margin:.4rem 0}
.timeline .lane{fill:var(--ink)}.timeline .clock{fill:var(--faint)}
.timeline .tick,.timeline .rule{stroke:var(--edge)}
.timeline .unseen{stroke:var(--faint);stroke-width:1.5;stroke-dasharray:2 2}
.timeline .info{fill:var(--info)}.timeline .warning{fill:var(--warning)}.timeline .critical{fill:var(--critical)}
.timeline a:hover .bar,.timeline a:focus .bar{stroke:var(--ink);stroke-width:1.5}
table{border-collapse:collapse;width:100%;font-size:.93rem}
th{text-align:left;color:var(--faint);font-weight:500}
th,td{padding:.3rem .8rem .3rem 0;border-bottom:1px solid var(--edge);vertical-align:top;overflow-wrap:break-word}
td{font-variant-numeric:tabular-nums}
.wide{overflow-x:auto;margin-bottom:1rem}
h3{font-size:.95rem;margin:1.2rem 0 .2rem}
.cards{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(30rem,100%),1fr));gap:1.1rem;align-items:start}
.cards section{scroll-margin-top:1rem}
.cards section>p{font-size:.88rem;color:var(--faint);margin:0 0 .25rem}
section:target .crackle-card{outline:2px solid var(--info);outline-offset:2px}
dl.configuration{display:grid;grid-template-columns:max-content minmax(0,1fr);gap:.25rem 1.2rem;font-size:.93rem}
dl.configuration dt{color:var(--faint)}dl.configuration dd{margin:0;overflow-wrap:anywhere}
pre{background:var(--wash);border-radius:8px;padding:.7rem .9rem;white-space:pre-wrap;overflow-wrap:anywhere;
font:13px/1.5 ui-monospace,monospace}
a{color:inherit}
@media print{.crackle-card,tr,.timeline{break-inside:avoid}}
"""
).replace("\n", "") + CARD_STYLE
