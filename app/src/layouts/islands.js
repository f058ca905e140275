async (js, wasm, zoneCookie) => {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (zone) document.cookie = `${zoneCookie}=${encodeURIComponent(zone)}; Path=/; Max-Age=31536000; SameSite=Lax`;
  const mod = await import(js);
  await mod.default({ module_or_path: wasm });
  mod.hydrate();
  const childrenCallbacks = [];
  const traverse = async (node) => {
    const tag = node.tagName.toLowerCase();
    if (tag === 'leptos-island') {
      const wake = mod[node.dataset.component];
      if (wake) {
        childrenCallbacks.at(-1)?.();
        await wake(node);
      } else {
        console.warn(`no island ${node.dataset.component}`);
      }
    }
    if (tag === 'leptos-children') childrenCallbacks.push(node.$$on_hydrate);
    for (const child of [...node.children]) await traverse(child);
    if (tag === 'leptos-children') childrenCallbacks.pop();
  };
  await traverse(document.body);
  document.documentElement.dataset.hydrated = 'true';
}
