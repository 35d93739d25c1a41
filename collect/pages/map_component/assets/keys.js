// The map without a mouse: arrows go to the nearest commune that way, Enter chooses it, + and - zoom, Escape lets go.
const WAYS = { ArrowUp: [0, 1], ArrowDown: [0, -1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };

export function nearest(centres, from, [right, up]) {
  let best = null, least = Infinity;
  const [x, y] = centres[from];
  for (const [code, [lon, lat]] of Object.entries(centres)) {
    const ahead = (lon - x) * right + (lat - y) * up, aside = Math.abs((lon - x) * up) + Math.abs((lat - y) * right);
    const cost = ahead + 2 * aside;
    if (code !== from && ahead > 1e-9 && aside <= 2 * ahead && cost < least) [best, least] = [code, cost];
  }
  return best;
}

export function walk(state, root, point) {
  root.tabIndex = 0;
  root.addEventListener("keydown", (event) => {
    const { key } = event, centres = state.found.centres;
    if (WAYS[key]) {
      const here = state.cursor ?? (centres[state.data.selected] ? state.data.selected : null);
      point(state, here ? nearest(centres, here, WAYS[key]) ?? here : Object.keys(centres)[0]);
    } else if ((key === "Enter" || key === " ") && state.cursor && event.target === root) state.choose(state.cursor);
    else if (key === "+" || key === "=") state.map.zoomIn();
    else if (key === "-") state.map.zoomOut();
    else if (key === "Escape" && state.cursor) point(state, null);
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  root.addEventListener("blur", () => state.cursor && point(state, null));
}
