// Plays a list of videos, one after the other; one that cannot be played is left out.
const video = document.getElementById("video");

function play(addresses) {
  let number = -1;
  let failed = 0;
  const next = () => {
    number = (number + 1) % addresses.length;
    video.src = addresses[number];
    // Browsers may want a touch first: then there is the button.
    video.play().catch(() => {});
  };
  video.addEventListener("playing", () => { failed = 0; });
  video.addEventListener("ended", next);
  video.addEventListener("error", () => {
    failed += 1;
    if (failed < addresses.length) { next(); return; }
    video.hidden = true;
    document.getElementById("problem").hidden = false;
  });
  next();
}

if (video) play(JSON.parse(video.dataset.videos));
