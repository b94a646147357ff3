// Tells the values under the pointer.
for (const svg of document.querySelectorAll('.chart svg')) {
  const places = svg.dataset.x.split('|').map(Number);
  const names = svg.dataset.names.split('|');
  const lines = [...svg.querySelectorAll('.line')].map(line => ({
    name: line.dataset.name, colour: line.style.stroke, written: line.dataset.written.split('|'),
  }));
  const pointer = svg.querySelector('.pointer');
  const tip = svg.parentElement.querySelector('.tip');
  const show = visibility => { pointer.style.visibility = tip.style.visibility = visibility; };
  const row = (text, colour) => {
    const row = document.createElement('div');
    if (colour) row.append(Object.assign(document.createElement('i'), { style: `background:${colour}` }));
    row.append(text);
    return row;
  };
  svg.addEventListener('pointermove', event => {
    const box = svg.getBoundingClientRect();
    const scale = box.width / svg.viewBox.baseVal.width;
    const x = (event.clientX - box.left) / scale;
    let at = 0;
    places.forEach((place, index) => { if (Math.abs(place - x) < Math.abs(places[at] - x)) at = index; });
    pointer.setAttribute('x1', places[at]);
    pointer.setAttribute('x2', places[at]);
    const told = lines.filter(line => line.written[at]);
    tip.replaceChildren(row(names[at]), ...told.map(line => row(`${line.name}  ${line.written[at]}`, line.colour)));
    const right = places[at] * scale > box.width / 2;
    tip.style.left = right ? 'auto' : `${places[at] * scale + 12}px`;
    tip.style.right = right ? `${box.width - places[at] * scale + 12}px` : 'auto';
    show('visible');
  });
  svg.addEventListener('pointerleave', () => show('hidden'));
}
