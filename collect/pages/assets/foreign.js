// Streamlit speaks English alone: its words on buttons, tables and dialogs are replaced where they appear.
// A language's own name is marked as being of that language, so that it is read aloud rightly.
// Written into the page with the words of its language, and again with others when the language changes.
(({ words, patterns, labels, tongues }) => {
  const known = (window.phuForeign ??= { was: new WeakMap(), watcher: null });
  const split = (several) => Object.entries(several).map(([pattern, said]) => [...pattern.split("*"), said]);
  const inText = split(patterns), inLabels = split({ ...patterns, ...labels });
  const translated = (text, place) => {
    const whole = text.trim();
    if (whole in words) return words[whole];
    for (const [before, after, said] of place === "text" ? inText : inLabels)
      if (whole.length > before.length + after.length && whole.startsWith(before) && whole.endsWith(after))
        return said.replace("{rest}", () => whole.slice(before.length, whole.length - after.length));
    return text;
  };
  const plain = (text) => text.normalize("NFD").replace(/[\u0300-\u036f]/g, "").replace(/đ/g, "d").replace(/Đ/g, "D");
  const chosen = (text) => // a name that was chosen, without the letters that it is found by: "Cầu Kè (Cau Ke)"
    text.replace(/ \(([^)]*)\)/g, (both, letters, at) => (plain(text.slice(0, at)).endsWith(letters) ? "" : both));
  const say = (node, place, now, write) => {
    if (!now) return;
    const kept = known.was.get(node) ?? {};
    const english = kept[place]?.said === now ? kept[place].english : now;
    const said = place === "tag" ? chosen(english) : translated(english, place);
    if (said === now) return;
    known.was.set(node, { ...kept, [place]: { english, said } });
    write(said);
  };
  const visit = (node) => {
    if (node.nodeType === Node.TEXT_NODE && node.data.trim() in tongues) node.parentElement.lang = tongues[node.data.trim()];
    const place = node.parentElement?.closest("[data-tag]") ? "tag" : "text";
    if (node.nodeType === Node.TEXT_NODE) say(node, place, node.data, (said) => (node.data = said));
    if (node.nodeType !== Node.ELEMENT_NODE || node.matches("script, style, textarea")) return;
    for (const place of ["aria-label", "placeholder", "title"])
      say(node, place, node.getAttribute(place), (said) => node.setAttribute(place, said));
    node.childNodes.forEach(visit);
  };
  known.watcher?.disconnect();
  known.watcher = new MutationObserver((changes) => {
    for (const { type, target, addedNodes } of changes) (type === "childList" ? addedNodes : [target]).forEach(visit);
  });
  const attributeFilter = ["aria-label", "placeholder", "title"];
  const watched = { childList: true, subtree: true, characterData: true, attributes: true, attributeFilter };
  known.watcher.observe(document.body, watched);
  visit(document.body);
})
