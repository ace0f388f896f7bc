/* A treemap by keyboard: one tile is in the tab order, and arrow keys go to the nearest in their direction. */

const DIRECTIONS = {
    ArrowLeft: [-1, 0],
    ArrowRight: [1, 0],
    ArrowUp: [0, -1],
    ArrowDown: [0, 1],
};
const ASIDE = 3;

const tiles = (root) => [...root.querySelectorAll("a")];

function centre(tile) {
    const box = tile.getBoundingClientRect();
    return [box.x + box.width / 2, box.y + box.height / 2];
}

function nearest(root, from, [dx, dy]) {
    const [x, y] = centre(from);
    let found = null;
    let least = Infinity;
    for (const tile of tiles(root)) {
        const [tx, ty] = centre(tile);
        const along = (tx - x) * dx + (ty - y) * dy;
        const aside = Math.abs((tx - x) * dy) + Math.abs((ty - y) * dx);
        const distance = along + ASIDE * aside;
        if (along > 1 && distance < least) {
            [found, least] = [tile, distance];
        }
    }
    return found;
}

function watched(event) {
    const tile = event.target.closest?.("[data-treemap] a");
    return [tile, tile?.closest("[data-treemap]")];
}

export function watchTreemaps() {
    document.addEventListener("focusin", (event) => {
        const [tile, root] = watched(event);
        for (const each of root ? tiles(root) : []) {
            each.setAttribute("tabindex", each === tile ? "0" : "-1");
        }
    });
    document.addEventListener("keydown", (event) => {
        const [tile, root] = watched(event);
        const next = DIRECTIONS[event.key] && root && nearest(root, tile, DIRECTIONS[event.key]);
        if (next) {
            event.preventDefault();
            next.focus();
        }
    });
}
