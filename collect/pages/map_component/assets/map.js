// Draws communes in the colour and hatch of their verdict; geometry is kept by its hash, so it travels once per page load.
const maps = new WeakMap();
const shapes = new Map();
const asked = new Set();
let leaflet = null;

function loadLeaflet(base) {
  leaflet ??= window.L ? Promise.resolve(window.L) : new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = new URL(`${base}leaflet.js`, document.baseURI).href;
    script.onload = () => resolve(window.L);
    script.onerror = reject;
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

const HATCHES = {
  "": () => {},
  "/": (pen) => { pen.moveTo(-2, 10); pen.lineTo(10, -2); pen.moveTo(-2, 2); pen.lineTo(2, -2); pen.moveTo(6, 10); pen.lineTo(10, 6); },
  "\\": (pen) => { pen.moveTo(-2, -2); pen.lineTo(10, 10); pen.moveTo(6, -2); pen.lineTo(10, 2); pen.moveTo(-2, 6); pen.lineTo(2, 10); },
  ".": (pen) => { pen.moveTo(4, 3); pen.arc(4, 4, 1, 0, 7); },
};

function fillFor({ colour, hatch, ink }) {
  if (!hatch) return colour;
  const tile = document.createElement("canvas");
  tile.width = tile.height = 8;
  const pen = tile.getContext("2d");
  pen.fillStyle = colour;
  pen.fillRect(0, 0, 8, 8);
  pen.strokeStyle = ink;
  pen.lineWidth = 1.2;
  pen.beginPath();
  HATCHES[hatch](pen);
  pen.stroke();
  return pen.createPattern(tile, "repeat");
}

function styleOf(state, code) {
  const chosen = code === state.data.selected;
  return { fillColor: state.fills[state.data.classes[code] ?? "no_data"], fillOpacity: 0.92, opacity: 1,
    color: chosen ? "#111111" : "#ffffff", weight: chosen ? 3 : 1 };
}

function tooltip(state, code) {
  const box = document.createElement("div");
  const name = document.createElement("b");
  name.textContent = state.data.names[code] ?? code;
  const verdict = state.data.classes[code] ?? "no_data";
  box.append(name, [state.data.values[code], state.data.kinds[verdict].label].filter(Boolean).join(" · "));
  return box;
}

function drawMarks(state, L) {
  state.marks.clearLayers();
  for (const [code, [lon, lat]] of Object.entries(state.centres)) {
    const kind = state.data.kinds[state.data.classes[code] ?? "no_data"];
    const icon = L.divIcon({ className: `mark${kind.dark ? " dark" : ""}`, html: kind.mark, iconSize: [16, 16] });
    L.marker([lat, lon], { icon, interactive: false, keyboard: false }).addTo(state.marks);
  }
}

function repaint(state, before) {
  const { data } = state;
  const whole = !before || JSON.stringify([before.classes, before.kinds]) !== JSON.stringify([data.classes, data.kinds]);
  const codes = whole ? Object.keys(state.layers) : [before.selected, data.selected].filter((code) => state.layers[code]);
  for (const code of codes) state.layers[code].setStyle(styleOf(state, code));
  if (state.layers[data.selected]) state.layers[data.selected].bringToFront();
  if (whole) drawMarks(state, window.L);
}

async function begin(state, parent) {
  const root = parent.querySelector(".canvas");
  const [L] = await Promise.all([loadLeaflet(state.data.leaflet), linkStyles(state.data.leaflet, parent)]);
  if (state.ended || state.map) return;
  const map = state.map = L.map(root, { preferCanvas: true, attributionControl: false, zoomSnap: 0.05, scrollWheelZoom: false, zoomControl: false });
  L.control.zoom({ zoomInTitle: state.data.words.zoom_in, zoomOutTitle: state.data.words.zoom_out }).addTo(map);
  L.control.scale({ imperial: false }).addTo(map);
  state.marks = L.layerGroup();
  draw(state);
  state.watch = new ResizeObserver(() => map.invalidateSize());
  state.watch.observe(root);
}

function draw(state) {
  const L = window.L, { map, data } = state;
  const found = shapes.get(data.shapes);
  if (!map || !found) return;
  state.group?.remove();
  state.layers = {};
  state.centres = found.centres;
  state.drawn = data.shapes;
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
  map.getContainer().dataset.ready = "yes";
}

export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  if (data.geometry) shapes.set(data.shapes, { geometry: data.geometry, centres: data.centres });
  let state = maps.get(parentElement);
  const fresh = !state;
  if (fresh) {
    state = { data, layers: {}, centres: {} };
    maps.set(parentElement, state);
  }
  const before = state.data;
  state.data = data;
  state.choose = (code) => setTriggerValue("picked", code);
  if (fresh || JSON.stringify(before.kinds) !== JSON.stringify(data.kinds)) {
    state.fills = Object.fromEntries(Object.entries(data.kinds).map(([key, kind]) => [key, fillFor(kind)]));
  }
  parentElement.querySelector(".canvas").setAttribute("aria-label", data.words.alt);
  parentElement.querySelector(".notice").textContent = data.words.notice;
  if (!shapes.has(data.shapes) && !asked.has(data.shapes)) {
    asked.add(data.shapes);
    setTriggerValue("missing", data.shapes);
  }
  if (shapes.has(data.shapes)) asked.delete(data.shapes);
  if (fresh) begin(state, parentElement);
  else if (state.drawn !== data.shapes) draw(state);
  else if (state.map) repaint(state, before);
  return () => {
    state.ended = true;
    state.watch?.disconnect();
    state.map?.remove();
    maps.delete(parentElement);
  };
}
