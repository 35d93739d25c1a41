// One deed is one step of Back: what a page adds to its own address, and where it leads on by itself, is none.
(() => {
  let touched = false;
  const step = history.pushState.bind(history), stay = history.replaceState.bind(history);
  for (const deed of ["pointerdown", "keydown", "click"]) addEventListener(deed, () => (touched = true), true);
  addEventListener("popstate", () => (touched = false), true);
  history.pushState = (...where) => {
    (touched ? step : stay)(...where);
    touched = false;
  };
})();
