// What a page shows: its rows, what axe-core finds, and the contrast of the text of its drawings.
window.addEventListener('load', async () => {
  const all = selector => [...document.querySelectorAll(selector)];
  const rows = all('tr').map(row => [...row.children].map(cell => cell.textContent));
  const drawings = all('svg').map(svg => {
    const box = svg.viewBox.baseVal;
    const parts = [...svg.querySelectorAll('rect, path, text')];
    return parts.filter(part => {
      const at = part.getBBox();
      return at.x < 0 || at.y < 0 || at.x + at.width > box.width || at.y + at.height > box.height;
    }).length;
  });
  const light = colour => {
    const [red, green, blue] = colour.match(/[\d.]+/g).slice(0, 3).map(part => {
      const value = part / 255;
      return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const paper = getComputedStyle(document.body).backgroundColor;
  const contrasts = all('svg text').map(text => {
    const under = text.classList.contains('label') ? getComputedStyle(text.parentNode.querySelector('.key')).fill : paper;
    const [low, high] = [light(getComputedStyle(text).fill), light(under)].sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
  });
  const texts = all('svg text').map(text => text.getBoundingClientRect());
  const overlapping = texts.filter((a, i) => texts.some((b, j) =>
    i < j && a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom)).length;
  const found = await axe.run(document, { resultTypes: ['violations', 'incomplete'] });
  const list = results => results.map(result => result.id + ': ' + result.nodes.map(node => node.html.slice(0, 80)).join(' | '));
  const pre = document.createElement('pre');
  pre.id = 'found';
  pre.textContent = JSON.stringify({
    lang: document.documentElement.lang,
    headings: all('h1, h2').map(heading => heading.tagName + ' ' + heading.textContent),
    rows,
    wide: document.documentElement.scrollWidth - document.documentElement.clientWidth,
    scrolled: all('.scroll').filter(region => region.scrollWidth > region.clientWidth).length,
    outside: drawings,
    contrast: Math.min(...contrasts),
    overlapping,
    paper,
    violations: list(found.violations),
    passes: found.passes.length,
    scripts: all('script').length,
  });
  document.body.append(pre);
});
