// What all pages do with their elements.

/** Sets an element's text. Text that did not change is not written, so that the browser does no new layout. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * Fills a table's body. Rows are created or removed only when their number changes.
 *
 * @param {HTMLTableSectionElement} body
 * @param {Array<{className?: string, cells: Array<string | null>, share?: number}>} rows
 *   a null cell shows `share` (0 to 1) as a bar
 * @param {string} firstClass the class of each row's first cell
 */
export function fillTable(body, rows, firstClass = "") {
  while (body.rows.length > rows.length) body.deleteRow(-1);
  rows.forEach(({ className = "", cells, share }, i) => {
    const row = body.rows[i] ?? body.insertRow();
    row.className = className;
    cells.forEach((text, j) => {
      const cell = row.cells[j] ?? row.insertCell();
      if (j === 0) cell.className = firstClass;
      if (text === null) showBar(cell, share);
      else setText(cell, text);
    });
  });
}

function showBar(cell, share) {
  const bar = cell.firstChild ?? cell.appendChild(document.createElement("span"));
  bar.className = "share-bar";
  bar.style.setProperty("--share", share.toFixed(3));
}
