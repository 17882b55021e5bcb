#include <fmt/format.h>

#include <functional>

#include "tests/practice_forge/inside.hpp"

namespace practice_forge {

const std::string& style_sheet() {
    static const std::string sheet = R"css(
:root { color-scheme: light dark; --bg:#fff; --soft:#f6f8fa; --line:#d1d9e0; --text:#1f2328; --mute:#59636e; --link:#0969da;
  --green:#1a7f37; --purple:#8250df; --red:#d1242f; --grey:#59636e; --yellow:#9a6700; --add:#dafbe1; --del:#ffebe9; --hunk:#ddf4ff; --head:#24292f; }
@media (prefers-color-scheme: dark) { :root { --bg:#0d1117; --soft:#151b23; --line:#3d444d; --text:#f0f6fc; --mute:#9198a1; --link:#4493f8;
  --green:#238636; --purple:#8957e5; --red:#da3633; --grey:#656c76; --yellow:#d29922; --add:#12261e; --del:#25171c; --hunk:#121d2f; --head:#010409; } }
* { box-sizing: border-box; }
body { margin:0; background:var(--bg); color:var(--text); font:14px/1.5 -apple-system,"Segoe UI","Noto Sans","DejaVu Sans",Helvetica,Arial,sans-serif; }
a { color:var(--link); text-decoration:none; } a:hover { text-decoration:underline; }
header.top { background:var(--head); color:#fff; padding:14px 24px; display:flex; gap:12px; align-items:baseline; }
header.top a { color:#fff; font-weight:600; font-size:16px; } header.top span { color:#9ea7b1; }
main { max-width:1012px; margin:0 auto; padding:20px 24px 60px; }
h1 { font-size:28px; font-weight:400; margin:8px 0; line-height:1.25; overflow-wrap:anywhere; } h1 .num { color:var(--mute); font-weight:300; }
nav.tabs { display:flex; gap:4px; border-bottom:1px solid var(--line); margin:12px 0 20px; }
nav.tabs a { padding:8px 14px; color:var(--text); border-bottom:2px solid transparent; } nav.tabs a.on { border-color:#fd8c73; font-weight:600; }
nav.tabs .count { background:var(--soft); border:1px solid var(--line); border-radius:10px; padding:0 7px; font-size:12px; margin-left:4px; }
.box { border:1px solid var(--line); border-radius:6px; margin:0 0 16px; overflow:hidden; background:var(--bg); }
.box > .title { background:var(--soft); border-bottom:1px solid var(--line); padding:10px 16px; color:var(--mute); }
.box > .title b { color:var(--text); }
.box > .row { padding:10px 16px; border-top:1px solid var(--line); display:flex; gap:10px; align-items:flex-start; }
.box > .row:first-child, .box > .title + .row { border-top:0; }
.row .grow { flex:1; min-width:0; } .row .name { font-weight:600; font-size:16px; color:var(--text); } .small { color:var(--mute); font-size:12px; }
.state { display:inline-block; border-radius:2em; padding:4px 12px; color:#fff; font-weight:500; }
.state.open { background:var(--green); } .state.closed { background:var(--purple); } .state.gone { background:var(--red); } .state.draft { background:var(--grey); }
.dot { width:12px; height:12px; border-radius:50%; margin-top:6px; flex:none; display:inline-block; border:2px solid; }
.dot.open { border-color:var(--green); } .dot.closed { border-color:var(--purple); background:var(--purple); } .dot.draft { border-color:var(--grey); } .dot.gone { border-color:var(--red); background:var(--red); }
.label { display:inline-block; border-radius:2em; padding:0 9px; font-size:12px; font-weight:500; border:1px solid var(--line); background:var(--soft); margin:0 3px; }
.l0 { background:#ddf4ff; color:#0550ae; border-color:#b6e3ff; } .l1 { background:#dafbe1; color:#116329; border-color:#aceebb; } .l2 { background:#fff8c5; color:#7d4e00; border-color:#eac54f; }
.l3 { background:#ffebe9; color:#a40e26; border-color:#ffcecb; } .l4 { background:#fbefff; color:#6639ba; border-color:#ecd8ff; } .l5 { background:#ffeff7; color:#99286e; border-color:#ffd3eb; }
.meta { display:flex; gap:10px; align-items:center; color:var(--mute); border-bottom:1px solid var(--line); padding-bottom:16px; margin-bottom:20px; flex-wrap:wrap; }
code, pre, .branch { font-family:ui-monospace,"SF Mono","DejaVu Sans Mono",Consolas,monospace; font-size:12px; }
.branch { background:var(--hunk); color:var(--link); padding:2px 6px; border-radius:6px; }
.talk { display:flex; gap:14px; } .talk > img { width:40px; height:40px; border-radius:50%; flex:none; } .talk > .box { flex:1; min-width:0; }
.bot { border:1px solid var(--line); border-radius:2em; padding:0 7px; font-size:11px; color:var(--mute); margin-left:4px; }
.md { padding:16px; overflow-wrap:break-word; } .md > :first-child { margin-top:0; } .md > :last-child { margin-bottom:0; }
.md h1, .md h2, .md h3 { font-weight:600; margin:22px 0 12px; line-height:1.25; } .md h1 { font-size:24px; } .md h2 { font-size:20px; border-bottom:1px solid var(--line); padding-bottom:.3em; } .md h3 { font-size:16px; }
.md table { border-collapse:collapse; margin:0 0 16px; display:block; overflow:auto; max-width:100%; } .md th, .md td { border:1px solid var(--line); padding:6px 13px; } .md tr:nth-child(2n) { background:var(--soft); } .md th { background:var(--bg); font-weight:600; }
.md code { background:color-mix(in srgb, var(--mute) 14%, transparent); padding:.2em .4em; border-radius:6px; } .md pre { background:var(--soft); padding:14px; border-radius:6px; overflow:auto; } .md pre code { background:none; padding:0; }
.md blockquote { margin:0 0 16px; padding:0 1em; border-left:.25em solid var(--line); color:var(--mute); } .md li:has(> input) { list-style:none; } .md li input { margin:0 .4em 0 -1.4em; } .md summary { cursor:pointer; } .md details { margin:0 0 14px; }
.reactions { padding:0 16px 12px; } .reactions span { border:1px solid var(--line); border-radius:2em; padding:2px 9px; margin-right:6px; font-size:13px; }
.verdict { font-weight:600; } .verdict.success { color:var(--green); } .verdict.failure { color:var(--red); } .verdict.neutral { color:var(--mute); } .verdict.pending { color:var(--yellow); }
.diff { width:100%; border-collapse:collapse; table-layout:fixed; } .diff td { font:12px/20px ui-monospace,"DejaVu Sans Mono",monospace; padding:0 10px; white-space:pre-wrap; overflow-wrap:anywhere; vertical-align:top; }
.diff td.n { width:46px; text-align:right; color:var(--mute); user-select:none; } .diff tr.add td { background:var(--add); } .diff tr.del td { background:var(--del); } .diff tr.hunk td { background:var(--hunk); color:var(--mute); }
.plus { color:var(--green); font-weight:600; } .minus { color:var(--red); font-weight:600; } .empty { padding:40px; text-align:center; color:var(--mute); }
)css";
    return sheet;
}

/// A letter on a colour that depends on the name.
std::string avatar(const std::string& login) {
    const bool bot = login.ends_with("[bot]");
    std::string letter = login.empty() ? "?" : login.substr(0, 1);
    if (letter[0] >= 'a' && letter[0] <= 'z') letter[0] = static_cast<char>(letter[0] - 'a' + 'A');
    std::uint32_t hue = 7;
    for (const char c : login) hue = hue * 31 + static_cast<unsigned char>(c);
    return fmt::format(
        R"svg(<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 40"><rect width="40" height="40" rx="{}" fill="hsl({} 45% 45%)"/>)svg"
        R"svg(<text x="20" y="27" text-anchor="middle" font-family="sans-serif" font-size="19" fill="#fff">{}</text></svg>)svg",
        bot ? 8 : 20, hue % 360, escape_html(letter));
}

}  // namespace practice_forge
