// Styles under `style-src 'self'`, which refuses style elements that scripts write: the same rules are given to the browser
// as sheets that scripts adopt. `build.mjs` has xterm.js ask here for its style elements.

/// Adopts a sheet with these rules.
export function adopt(document, text) {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(text);
  document.adoptedStyleSheets.push(sheet);
  return sheet;
}

/// In place of a style element: what is written into it becomes a sheet, which goes with it.
export function styleElement(document) {
  const element = document.createElement('span');
  element.hidden = true;
  const sheet = adopt(document, '');
  let text = '';
  Object.defineProperty(element, 'textContent', {
    get: () => text,
    set: (value) => {
      text = value;
      sheet.replaceSync(value);
    },
  });
  element.remove = () => {
    document.adoptedStyleSheets = document.adoptedStyleSheets.filter((other) => other !== sheet);
    HTMLElement.prototype.remove.call(element);
  };
  return element;
}
