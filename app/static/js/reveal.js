// Masked numbers and pictures shown whole: a form that posts what and why, and a place for the answer.
(function () {
  "use strict";
  document.querySelectorAll("form[data-reveal]").forEach(function (form) {
    var place = document.getElementById(form.dataset.reveal);
    form.addEventListener("submit", function (event) {
      event.preventDefault();
      fetch(form.action, { method: "POST", body: new FormData(form), headers: { Accept: "application/json, image/*" } })
        .then(function (answer) {
          if (!answer.ok) { throw new Error(String(answer.status)); }
          var picture = (answer.headers.get("Content-Type") || "").indexOf("image/") === 0;
          return picture ? answer.blob() : answer.json();
        })
        .then(function (found) {
          place.textContent = "";
          if (found.text) { place.textContent = found.text; return; }
          var image = document.createElement("img");
          image.src = URL.createObjectURL(found);
          image.alt = form.dataset.words;
          place.appendChild(image);
        })
        .catch(function () { place.textContent = form.dataset.failed; });
    });
  });
})();
