document.getElementById('page').onload = function () {
  const page = this.contentDocument;
  const width = this.clientWidth;
  const all = selector => [...page.querySelectorAll(selector)];
  const drawings = all('svg').map(svg => {
    const box = svg.viewBox.baseVal;
    const outside = all('*').filter(part => svg.contains(part) && part !== svg && part.getBBox).filter(part => {
      const at = part.getBBox();
      return at.x < 0 || at.y < 0 || at.x + at.width > box.width || at.y + at.height > box.height;
    });
    return {
      paths: svg.querySelectorAll('path').length,
      empty: [...svg.querySelectorAll('path')].filter(path => path.getTotalLength() === 0).length,
      dots: svg.querySelectorAll('circle').length,
      bars: svg.querySelectorAll('.right, .wrong').length,
      outside: outside.length,
      described: svg.getAttribute('aria-labelledby').split(' ').every(id => page.getElementById(id).textContent),
      width: svg.getBoundingClientRect().width,
    };
  });
  const style = getComputedStyle.bind(this.contentWindow);
  const body = style(page.body);
  document.getElementById('found').textContent = JSON.stringify({
    title: page.title,
    lang: page.documentElement.lang,
    headings: all('h1, h2').map(heading => heading.tagName + ' ' + heading.textContent),
    captions: all('table').map(table => table.caption ? table.caption.textContent : ''),
    wide: page.documentElement.scrollWidth - width,
    scrolled: all('.scroll').filter(region => region.scrollWidth > region.clientWidth).length,
    drawings: drawings,
    paper: body.backgroundColor,
    ink: body.color,
    curve: style(page.querySelector('.curve')).stroke,
    label: style(page.querySelector('svg text')).fill,
  });
};
