// Colour and hatch of a class as one canvas pattern.
const HATCHES = {
  "/": (pen) => { pen.moveTo(-2, 10); pen.lineTo(10, -2); pen.moveTo(-2, 2); pen.lineTo(2, -2); pen.moveTo(6, 10); pen.lineTo(10, 6); },
  "\\": (pen) => { pen.moveTo(-2, -2); pen.lineTo(10, 10); pen.moveTo(6, -2); pen.lineTo(10, 2); pen.moveTo(-2, 6); pen.lineTo(2, 10); },
  ".": (pen) => { pen.moveTo(4, 3); pen.arc(4, 4, 1, 0, 7); },
  "x": (pen) => { pen.moveTo(-1, -1); pen.lineTo(9, 9); pen.moveTo(-1, 9); pen.lineTo(9, -1); },
};

export function fillFor({ colour, hatch, ink }) {
  if (!hatch) return colour;
  const tile = document.createElement("canvas");
  tile.width = tile.height = 8;
  const pen = tile.getContext("2d");
  pen.fillStyle = colour;
  pen.fillRect(0, 0, 8, 8);
  pen.strokeStyle = ink;
  pen.lineWidth = 1.2;
  pen.beginPath();
  HATCHES[hatch](pen);
  pen.stroke();
  return pen.createPattern(tile, "repeat");
}
