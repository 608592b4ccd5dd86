/** The page's only style sheet. Colours follow the reader's light or dark setting. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --text: light-dark(#1c2128, #e2e6ea);
  --quiet: light-dark(#57606a, #9aa4af);
  --ground: light-dark(#ffffff, #14181d);
  --raised: light-dark(#f5f7f9, #1d232a);
  --line: light-dark(#d8dee4, #323a44);
  --link: light-dark(#0b5cad, #79b8ff);
  --get: light-dark(#0b6b52, #5fd0ab);
  --post: light-dark(#0b5cad, #79b8ff);
  --put: light-dark(#8a5300, #e9b662);
  --delete: light-dark(#b3261e, #ff938a);
}
* { box-sizing: border-box; }
html { scroll-padding-top: 1rem; }
body {
  margin: 0;
  background: var(--ground);
  color: var(--text);
  font: 1rem/1.6 system-ui, sans-serif;
  overflow-wrap: anywhere;
}
main, nav { padding: 2rem clamp(1rem, 4vw, 3rem); }
main { max-width: 62rem; }
nav { background: var(--raised); border-bottom: 1px solid var(--line); font-size: .9rem; }
nav h2 { margin: 1rem 0 .25rem; font-size: .8rem; letter-spacing: .06em; text-transform: uppercase; color: var(--quiet); border: 0; padding: 0; }
nav ul { list-style: none; margin: 0; padding: 0; }
nav li { padding: .1rem 0; }
nav a { color: inherit; text-decoration: none; }
nav a:hover { text-decoration: underline; }
@media (min-width: 62rem) {
  body { display: grid; grid-template-columns: 18rem minmax(0, 1fr); }
  nav { position: sticky; top: 0; height: 100vh; overflow-y: auto; border-bottom: 0; border-right: 1px solid var(--line); padding: 2rem 1.5rem; }
}
h1 { margin: 0 0 .5rem; font-size: 2rem; line-height: 1.2; }
h2 { margin: 3.5rem 0 .5rem; padding-bottom: .3rem; border-bottom: 1px solid var(--line); font-size: 1.5rem; }
h3 { margin: 0 0 .25rem; font-size: 1.2rem; }
h4 { margin: 1.5rem 0 .4rem; font-size: .85rem; letter-spacing: .04em; text-transform: uppercase; color: var(--quiet); }
p { margin: .5rem 0; max-width: 46rem; }
a { color: var(--link); }
a:focus-visible, summary:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
small { color: var(--quiet); }
article, section section { margin: 2.5rem 0; }
code, pre { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; font-size: .875em; }
:not(pre) > code { background: var(--raised); border-radius: .25rem; padding: .1em .3em; }
pre { margin: .5rem 0; padding: .9rem 1rem; background: var(--raised); border: 1px solid var(--line); border-radius: .5rem; overflow-x: auto; line-height: 1.5; overflow-wrap: normal; }
.call { font-size: 1.05rem; }
.method { display: inline-block; min-width: 3.6em; font: 700 .75em/1.6 ui-monospace, Menlo, Consolas, monospace; color: var(--get); }
.method.post { color: var(--post); }
.method.put, .method.patch { color: var(--put); }
.method.delete { color: var(--delete); }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
th, td { text-align: left; vertical-align: top; padding: .4rem .8rem .4rem 0; border-bottom: 1px solid var(--line); min-width: 4.5rem; }
th { color: var(--quiet); font-weight: 600; }
details { margin: .5rem 0; }
summary { cursor: pointer; color: var(--link); }
@media print { nav { display: none; } body { display: block; } }
`;
