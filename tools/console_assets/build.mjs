// Writes what the console takes from npm into a folder: `node build.mjs FOLDER`. The same lock gives the same bytes.
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import * as layout from "@carbon/layout";
import * as themes from "@carbon/themes";
import * as type from "@carbon/type";

const HERE = dirname(fileURLToPath(import.meta.url));
const [TARGET] = process.argv.slice(2);
if (!TARGET) throw new Error("Name the folder to write into: node build.mjs FOLDER");
const PACKAGES = join(HERE, "node_modules");
const of = (...path) => join(PACKAGES, ...path);
const described = (name) => JSON.parse(readFileSync(of(name, "package.json"), "utf8"));
const write = (name, content) => writeFileSync(join(TARGET, name), content);
const digest = (content) => createHash("sha256").update(content).digest("hex");

// Tokens of Carbon's themes for pages on a light (g10) and a dark (g100) ground, under the names that Carbon gives them.
const COLORS = [
  "background", "backgroundHover", "layer01", "layer02", "layerHover01", "layerAccent01", "layerAccentHover01", "layerSelected01",
  "field01", "field02", "borderSubtle00", "borderSubtle01", "borderStrong01", "borderInteractive", "textPrimary", "textSecondary",
  "textHelper", "textError", "textOnColor", "linkPrimary", "linkPrimaryHover", "focus", "overlay", "shadow",
  "supportError", "supportSuccess", "supportWarning", "supportInfo",
];
const COMPONENTS = {
  buttonTokens: ["buttonPrimary", "buttonPrimaryHover", "buttonSecondary", "buttonTertiary", "buttonDangerPrimary", "buttonDangerHover", "buttonDangerSecondary", "buttonDisabled"],
  tagTokens: ["Green", "Blue", "Red", "Gray", "CoolGray"].flatMap((name) => [`tagBackground${name}`, `tagColor${name}`]),
  notificationTokens: ["Info", "Success", "Warning", "Error"].map((name) => `notificationBackground${name}`),
};
const TYPE = ["label01", "helperText01", "bodyCompact01", "body01", "code01", "headingCompact01", "heading02", "heading03", "heading04", "heading05"];
const FONTS = [
  ["IBM Plex Sans", 400, "plex-sans-400.woff2", of("@ibm/plex-sans", "fonts/split/woff2/IBMPlexSans-Regular-Latin1.woff2")],
  ["IBM Plex Sans", 600, "plex-sans-600.woff2", of("@ibm/plex-sans", "fonts/split/woff2/IBMPlexSans-SemiBold-Latin1.woff2")],
  ["IBM Plex Mono", 400, "plex-mono-400.woff2", of("@ibm/plex-mono", "fonts/split/woff2/IBMPlexMono-Regular-Latin1.woff2")],
];

const hyphened = (name) => name.replace(/([a-z])([A-Z0-9])/g, "$1-$2").replace(/([A-Z])([A-Z][a-z])/g, "$1-$2").toLowerCase();
const needed = (value, name) => { if (value === undefined) throw new Error(`Carbon has no token ${name} any more.`); return value; };
const pair = (name, light, dark) => `  --cds-${hyphened(name)}: light-dark(${needed(light, name)}, ${needed(dark, name)});`;
const carbon = () => {
  const colors = COLORS.map((name) => pair(name, themes.g10[name], themes.g100[name]));
  for (const [group, names] of Object.entries(COMPONENTS)) {
    for (const name of names) colors.push(pair(name, themes[group][name]?.g10, themes[group][name]?.g100));
  }
  const sizes = layout.spacing.map((size, at) => `  --cds-spacing-${String(at + 1).padStart(2, "0")}: ${size};`);
  const texts = TYPE.map((name) => {
    const { fontSize, fontWeight, lineHeight } = needed(type.styles[name], name);
    const family = name.startsWith("code") ? "var(--cds-code-font)" : "var(--cds-font)";
    return `  --cds-${hyphened(name)}: ${fontWeight ?? 400} ${fontSize}/${lineHeight} ${family};`;
  });
  return [...colors, ...sizes, ...texts].join("\n");
};
// The unicode range is that of the packages' own style sheets: what is outside of it is drawn with the system's fonts.
const range = (file) => {
  const rule = readFileSync(of("@ibm/plex-sans", "css/ibm-plex-sans-all.css"), "utf8").split("@font-face").find((one) => one.includes(file));
  return /unicode-range: ([^;]+);/.exec(rule)[1];
};
const faces = () => FONTS.map(([family, weight, name, path]) => {
  const content = readFileSync(path);
  write(name, content);
  const address = `/console/static/${name}?v=${digest(content).slice(0, 16)}`;
  return `@font-face { font-family: "${family}"; font-weight: ${weight}; font-display: swap; src: url("${address}") format("woff2"); unicode-range: ${range("IBMPlexSans-Regular-Latin1")}; }`;
}).join("\n");

// xterm.js styles itself by <style> elements and style attributes, which the console's content security policy forbids.
// Style sheets that a script makes, and the style of an element as an object, it allows.
const SHEET = `const kunsthalleSheet = (owner) => {
  const node = owner.createElement("template"), sheet = new CSSStyleSheet();
  owner.adoptedStyleSheets = [...owner.adoptedStyleSheets, sheet];
  Object.defineProperty(node, "textContent", { set: (text) => sheet.replaceSync(text) });
  node.remove = () => { owner.adoptedStyleSheets = owner.adoptedStyleSheets.filter((one) => one !== sheet); Element.prototype.remove.call(node); };
  return node;
};
`;
const replaced = (text, pattern, by, times) => {
  const found = text.match(pattern)?.length ?? 0;
  if (found !== times) throw new Error(`${pattern} is ${found} times in the package, not ${times}: look at it again.`);
  return text.replace(pattern, by);
};
const withoutInlineStyles = {
  name: "without inline styles",
  setup: (builder) => builder.onLoad({ filter: /xterm\.mjs$/ }, ({ path }) => {
    let text = readFileSync(path, "utf8");
    text = replaced(text, /([\w.]+)\.createElement\("style"\)/g, "kunsthalleSheet($1)", 3);
    text = replaced(text, /(\w+)\.setAttribute\("style",(`[^`]*`)\)/g, "($1.style.cssText=$2)", 1);
    return { contents: SHEET + text, loader: "js" };
  }),
};
const bundle = async (name, contents) => {
  const made = await build({
    stdin: { contents, resolveDir: HERE }, bundle: true, minify: true, format: "esm", target: "es2022",
    legalComments: "none", write: false, plugins: [withoutInlineStyles], logLevel: "error",
  });
  write(name, made.outputFiles[0].contents);
};
const PARTS = [
  ["@carbon/themes", "Design tokens in carbon.css (with @carbon/layout and @carbon/type).", of("@carbon/themes", "LICENSE")],
  ["@ibm/plex-sans", "plex-sans-400.woff2 and plex-sans-600.woff2: the font's own files, unmodified.", of("@ibm/plex-sans", "LICENSE.txt")],
  ["@ibm/plex-mono", "plex-mono-400.woff2: the font's own file, unmodified.", of("@ibm/plex-mono", "LICENSE.txt")],
  ["@xterm/xterm", "xterm.js and xterm.css; xterm.js uses script-made style sheets in place of inline styles.", of("@xterm/xterm", "LICENSE")],
  ["@xterm/addon-fit", "Part of xterm.js.", of("@xterm/addon-fit", "LICENSE")],
  ["@novnc/novnc", "novnc.js: bundled and minified, otherwise unmodified. The source is the npm package of this name and version.", of("@novnc/novnc", "docs/LICENSE.MPL-2.0")],
  ["@novnc/novnc", "novnc.js holds pako, which it brings along.", of("@novnc/novnc", "vendor/pako/LICENSE")],
];
const licences = () => PARTS.map(([name, use, path]) => {
  const { version } = described(name);
  const home = name.startsWith("@novnc") ? readFileSync(of(name, "LICENSE.txt"), "utf8").split("\n", 1)[0] + "\n" : "";
  return `${name} ${version}\n${use}\n${home}\n${readFileSync(path, "utf8").trim()}\n`;
}).join(`\n${"=".repeat(100)}\n\n`);

mkdirSync(TARGET, { recursive: true });
write("carbon.css", `/* Carbon's tokens and IBM Plex, written by tools/console_assets/build.mjs. */
${faces()}
:root {
  --cds-font: "IBM Plex Sans", system-ui, -apple-system, "Segoe UI", sans-serif;
  --cds-code-font: "IBM Plex Mono", ui-monospace, monospace;
${carbon()}
}
`);
write("xterm.css", readFileSync(of("@xterm/xterm", "css/xterm.css")));
write("licences.txt", licences());
await bundle("xterm.js", 'export { Terminal } from "@xterm/xterm"; export { FitAddon } from "@xterm/addon-fit";');
await bundle("novnc.js", 'export { default } from "@novnc/novnc";');
