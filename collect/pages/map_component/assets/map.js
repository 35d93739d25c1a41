// Draws communes in the colour and hatch of their class. Outlines are fetched once, under a name made of their hash;
// each run of the page brings classes and values alone.
import { fillFor } from "./hatch.js";
import { walk } from "./keys.js";

const maps = new WeakMap();
const outlines = new Map();
const MOST_MARKS = 400, ROOM_FOR_A_MARK = 15;
let leaflet = null;

function loadLeaflet(base) {
  leaflet ??= window.L ? Promise.resolve(window.L) : new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = new URL(`${base}leaflet.js`, document.baseURI).href;
    script.onload = () => resolve(window.L);
    script.onerror = () => { leaflet = null; reject(new Error("leaflet")); };
    document.head.appendChild(script);
  });
  return leaflet;
}

function linkStyles(base, parent) {
  const link = document.createElement("link");
  link.rel = "stylesheet";
  link.href = new URL(`${base}leaflet.css`, document.baseURI).href;
  const ready = new Promise((resolve) => { link.onload = resolve; link.onerror = resolve; });
  parent.insertBefore(link, parent.firstChild);
  return ready;
}

function loadOutlines(url) {
  if (!outlines.has(url)) {
    const found = fetch(new URL(url, document.baseURI), { cache: "force-cache" }).then((answer) => {
      if (!answer.ok) throw new Error(`outlines ${answer.status}`);
      return answer.json();
    });
    found.catch(() => outlines.delete(url));
    outlines.set(url, found);
  }
  return outlines.get(url);
}

const kindOf = (state, code) => state.data.kinds[state.data.classes[code] ?? state.data.without];
const nameOf = (state, code) => state.found.names[code]?.[state.data.lang] ?? code;

function styleOf(state, code) {
  const strong = code === state.data.selected || code === state.cursor;
  return { fillColor: state.fills[state.data.classes[code] ?? state.data.without], fillOpacity: 0.94, opacity: 1,
    color: strong ? "#111111" : "#ffffff", weight: strong ? 3 : 1 };
}

function words(state, code) {
  return [state.data.values[code], kindOf(state, code).label, state.data.why[code]].filter(Boolean).join(" · ");
}

function tooltip(state, code) {
  const box = document.createElement("div"), name = document.createElement("b");
  name.textContent = nameOf(state, code);
  box.append(name, words(state, code));
  return box;
}

function drawMarks(state) {
  const L = window.L;
  state.marks.clearLayers();
  let drawn = 0;
  for (const [code, [lon, lat]] of Object.entries(state.found.centres)) {
    const layer = state.layers[code];
    if (!layer || drawn >= MOST_MARKS) continue;
    const bounds = layer.getBounds();
    const a = state.map.latLngToLayerPoint(bounds.getNorthWest()), b = state.map.latLngToLayerPoint(bounds.getSouthEast());
    if (Math.min(b.x - a.x, b.y - a.y) < ROOM_FOR_A_MARK) continue;
    const kind = kindOf(state, code);
    const label = document.createElement("span");
    label.textContent = state.data.marks[code] ?? kind.mark;
    const icon = L.divIcon({ className: `mark${kind.dark ? " dark" : ""}`, html: label, iconSize: [26, 16] });
    L.marker([lat, lon], { icon, interactive: false, keyboard: false }).addTo(state.marks);
    drawn += 1;
  }
}

function repaint(state, before) {
  const { data } = state;
  const seen = (one) => JSON.stringify([one.classes, one.kinds, one.marks]);
  const whole = !before || seen(before) !== seen(data);
  const codes = whole ? Object.keys(state.layers) : [before.selected, data.selected, state.cursor].filter((code) => state.layers[code]);
  for (const code of codes) state.layers[code].setStyle(styleOf(state, code));
  state.layers[data.selected]?.bringToFront();
  if (whole) drawMarks(state);
  ground(state);
}

function ground(state) {
  const L = window.L, looks = state.data.ground; // none where they are not to be seen
  for (const name of ["water", "roads"]) {
    if (!state.found[name]) continue;
    if (looks[name]) (state.ground[name] ??= L.geoJSON(state.found[name], { interactive: false, pane: "ground", style: looks[name] })).addTo(state.map);
    else state.ground[name]?.remove();
  }
}

export function point(state, code) {
  const before = state.cursor;
  state.cursor = code;
  for (const each of [before, code]) if (state.layers[each]) state.layers[each].setStyle(styleOf(state, each));
  if (!code) { state.group.closeTooltip(); return; }
  state.layers[code].bringToFront();
  const [lon, lat] = state.found.centres[code];
  if (!state.map.getBounds().contains([lat, lon])) state.map.panTo([lat, lon]);
  state.group.closeTooltip();
  state.layers[code].openTooltip([lat, lon]);
  state.said.textContent = `${nameOf(state, code)}: ${words(state, code)}`;
}

function draw(state) {
  const L = window.L, { map, found } = state;
  state.group?.remove();
  state.layers = {};
  state.ground = {};
  state.group = L.geoJSON(found.geometry, {
    style: (feature) => styleOf(state, feature.id),
    onEachFeature: (feature, layer) => {
      state.layers[feature.id] = layer;
      layer.on("click", () => state.choose(feature.id));
      layer.on("mouseover", () => layer.setStyle({ weight: 3, color: "#111111" }));
      layer.on("mouseout", () => { layer.setStyle(styleOf(state, feature.id)); state.layers[state.data.selected]?.bringToFront(); });
    },
  });
  state.group.bindTooltip((layer) => tooltip(state, layer.feature.id), { sticky: true });
  state.group.addTo(map);
  state.marks.addTo(map);
  map.fitBounds(state.group.getBounds(), { padding: [12, 12] });
  repaint(state, null);
  state.drawn = state.data.url;
}

async function show(state, parent) {
  const root = parent.querySelector(".canvas"), wanted = state.data.url;
  try {
    const [L, found] = await Promise.all([loadLeaflet(state.data.leaflet), loadOutlines(wanted), state.styled]);
    if (state.ended || wanted !== state.data.url) return;
    state.found = found;
    if (!state.map) {
      const map = state.map = L.map(root, { preferCanvas: true, attributionControl: false, zoomSnap: 0.05, scrollWheelZoom: false, zoomControl: false, keyboard: false });
      L.control.zoom({ zoomInTitle: state.data.words.zoom_in, zoomOutTitle: state.data.words.zoom_out }).addTo(map);
      L.control.scale({ imperial: false }).addTo(map);
      map.createPane("ground").style.cssText = "z-index:450;pointer-events:none";
      state.marks = L.layerGroup();
      map.on("zoomend", () => state.drawn && drawMarks(state));
      state.watch = new ResizeObserver(() => map.invalidateSize());
      state.watch.observe(root);
      walk(state, root, point);
    }
    draw(state);
    root.dataset.ready = "yes";
  } catch {
    root.dataset.failed = "yes";
    parent.querySelector(".failed").textContent = state.data.words.failed;
  }
}

export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  let state = maps.get(parentElement);
  const fresh = !state;
  if (fresh) {
    state = { data, layers: {}, ground: {}, cursor: null, said: parentElement.querySelector(".said") };
    state.styled = linkStyles(data.leaflet, parentElement);
    maps.set(parentElement, state);
  }
  const before = state.data;
  state.data = data;
  state.choose = (code) => setTriggerValue("picked", code);
  if (fresh || JSON.stringify(before.kinds) !== JSON.stringify(data.kinds)) {
    state.fills = Object.fromEntries(Object.entries(data.kinds).map(([key, kind]) => [key, fillFor(kind)]));
  }
  const root = parentElement.querySelector(".canvas");
  root.setAttribute("aria-label", `${data.words.alt} ${data.words.keys}`);
  parentElement.querySelector(".notice").textContent = data.words.notice;
  if (fresh || (state.drawn && state.drawn !== data.url)) show(state, parentElement);
  else if (state.drawn) repaint(state, before);
  return () => {
    state.ended = true;
    state.watch?.disconnect();
    state.map?.remove();
    maps.delete(parentElement);
  };
}
