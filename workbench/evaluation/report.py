"""The demo's report as one HTML page that needs nothing else: figures, curves as SVG, answers side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

Curve = Sequence[tuple[int, float | None]]

CHARTS = (
    ("Reward model: loss", ("loss/train", "loss/held_out")),
    ("Reward model: accuracy on held-out prompts", ("accuracy/held_out",)),
    ("PPO: reward", ("objective/scores",)),
    ("PPO: KL to base, nats an answer", ("objective/kl",)),
    ("PPO: entropy, nats a token", ("objective/entropy",)),
    ("PPO: answers that end by themselves", ("val/num_eos_tokens",)),
)
COLOURS = ("#1A52B8", "#6E7683")
WIDTH, HEIGHT, LEFT, BOTTOM = 340, 150, 44, 20

STYLE = """
:root { color-scheme: light dark; --text: #191C21; --text2: #4E5663; --line: #E0E3E8; --surface: #fff;
  --canvas: #F4F5F7 }
@media (prefers-color-scheme: dark) {
  :root { --text: #E9EBEF; --text2: #ABB3C0; --line: #2A2F38; --surface: #1D2127;
    --canvas: #14161A }
}
body { font: 14px/1.55 Inter, "Segoe UI", system-ui, "Noto Sans CJK SC", sans-serif; color: var(--text);
  background: var(--canvas); max-width: 1120px; margin: 32px auto; padding: 0 16px }
h1 { font-size: 22px } h2 { font-size: 16px; margin-top: 32px }
.note, caption, small { color: var(--text2) }
.card { background: var(--surface); border: 1px solid var(--line); border-radius: 8px; padding: 14px 16px }
.grid { display: grid; gap: 12px; grid-template-columns: repeat(auto-fill, minmax(340px, 1fr)) }
table { border-collapse: collapse; width: 100% } td, th { text-align: left; padding: 8px; vertical-align: top;
  border-bottom: 1px solid var(--line); white-space: pre-wrap; overflow-wrap: anywhere }
.num { font-variant-numeric: tabular-nums } .big { font-size: 30px; font-weight: 600 }
svg text { fill: var(--text2); font-size: 11px } svg .grid-line { stroke: var(--line) }
"""


def render(found: Mapping[str, Any], curves: Mapping[str, Curve], examples: Sequence[Mapping[str, Any]]) -> str:
    """The page. Everything that came from a model or a file is escaped."""
    charts = "".join(_chart(title, [(name, curves.get(name, ())) for name in names]) for title, names in CHARTS)
    rows = "".join(_example(example) for example in examples)
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Feedback Workbench report</title><style>{STYLE}</style></head><body>
<h1>Did the model get better?</h1>
<p class="note">Judge: {escape(found["rule"])}. {escape(found["rule_text"])}</p>
<div class="card"><div class="big num">{found["base"]["score"]:.3f} → {found["tuned"]["score"]:.3f}</div>
<div>{_verdict(found)}</div></div>
<h2>Figures</h2><div class="card"><table class="num">{_figures(found)}</table></div>
<h2>Training</h2><div class="grid">{charts}</div>
<h2>Answers on held-out prompts</h2><div class="card"><table>
<tr><th>Prompt</th><th>{escape(found["model"])}</th><th>{escape(found["tuned_model"])}</th></tr>{rows}</table></div>
</body></html>
"""


def _verdict(found: Mapping[str, Any]) -> str:
    low, high = found["gain_ci"]
    where = (
        f"{found['gain']:+.3f} (95% interval {low:+.3f} to {high:+.3f}) on {found['held_out_prompts']} held-out prompts"
    )
    if low > 0:
        return f"Better under the rule: {where}."
    return f"Worse under the rule: {where}." if high < 0 else f"No clear change under the rule: {where}."


def _figures(found: Mapping[str, Any]) -> str:
    scorer = found["reward_model"]
    lines = [
        ("Tuned wins", f"{found['win_rate']:.0%} ({found['win_rate_ci'][0]:.0%} to {found['win_rate_ci'][1]:.0%})"),
        ("KL to base", f"{found['kl']:.2f} nats an answer"),
        ("Reward", f"{found['base'].get('reward', 0):.2f} → {found['tuned'].get('reward', 0):.2f}"),
        ("Words an answer", f"{found['base']['words']:.1f} → {found['tuned']['words']:.1f}"),
        ("Answers that end by themselves", f"{found['base']['finished']:.0%} → {found['tuned']['finished']:.0%}"),
        (
            "Reward model on held-out prompts",
            f"{scorer['accuracy']:.1%} of {scorer['held_out_pairs']} pairs; "
            f"the longer one wins: {scorer['longer_wins']:.1%}",
        ),
        ("Learned from", f"{found['judged_answers']} answers judged, {scorer['pairs']} pairs"),
        ("Took", f"{found['seconds'] / 60:.1f} min on {found['device']}"),
    ]
    return "".join(f"<tr><td>{escape(name)}</td><td>{escape(value)}</td></tr>" for name, value in lines)


def _example(example: Mapping[str, Any]) -> str:
    cells = "".join(
        f"<td>{escape(example[side])}<br><small class='num'>{example[f'{side}_score']:.2f}</small></td>"
        for side in ("base", "tuned")
    )
    return f"<tr><td>{escape(example['prompt'])}</td>{cells}</tr>"


def _chart(title: str, series: Sequence[tuple[str, Curve]]) -> str:
    points = [(step, value) for _, curve in series for step, value in curve if value is not None]
    if not points:
        return ""
    steps, values = [step for step, _ in points], [value for _, value in points]
    low, high = min(values), max(values)
    if high - low < 1e-9:
        low, high = low - 0.5, high + 0.5

    def place(step: int, value: float) -> str:
        x = LEFT + (step - min(steps)) / max(1, max(steps) - min(steps)) * (WIDTH - LEFT - 8)
        y = 8 + (high - value) / (high - low) * (HEIGHT - BOTTOM - 8)
        return f"{x:.1f},{y:.1f}"

    lines = ""
    for index, (_, curve) in enumerate(series):
        dash = ' stroke-dasharray="5 3"' if index else ""
        path = " ".join(place(step, value) for step, value in curve if value is not None)
        lines += f'<polyline fill="none" stroke="{COLOURS[index % 2]}" stroke-width="2"{dash} points="{path}"/>'
    legend = " · ".join(f"{name}{' (dashed)' if index else ''}" for index, (name, _) in enumerate(series))
    axis = f'<line class="grid-line" x1="{LEFT}" x2="{WIDTH}" y1="{HEIGHT - BOTTOM}" y2="{HEIGHT - BOTTOM}"/>'
    labels = (
        f'<text x="0" y="14">{high:.3g}</text><text x="0" y="{HEIGHT - BOTTOM}">{low:.3g}</text>'
        f'<text x="{LEFT}" y="{HEIGHT - 4}">{min(steps)}</text>'
        f'<text x="{WIDTH - 8}" y="{HEIGHT - 4}" text-anchor="end">{max(steps)}</text>'
    )
    return (
        f'<div class="card"><b>{escape(title)}</b><br><small>{escape(legend)}</small>'
        f'<svg role="img" aria-label="{escape(title)}" width="100%" viewBox="0 0 {WIDTH} {HEIGHT}">'
        f"{axis}{lines}{labels}</svg></div>"
    )
