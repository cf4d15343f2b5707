// A canvas in an element of the notebook; what is drawn, or what a camera sees, goes into a text area of
// ipywidgets, which passes it to Python. Neither needs an extension of Jupyter, old or new.
(function () {
  "use strict";
  var SIZE = 280; // pixels of the canvas
  var INK = 56; // pixels of a drawing as Python gets it
  var PHOTO = 240; // pixels of a photograph's longer side
  var DRAWING_MS = 100, CAMERA_MS = 500, PATIENCE_MS = 20000;
  var PAPER = "#ffffff", PEN = "#101010", PEN_WIDTH = SIZE / 14;
  var name = "@NAME@";
  var begun = Date.now();

  // The widgets may reach the page after this script does.
  var waiting = setInterval(function () {
    var place = document.querySelector("." + name + "-place");
    var channel = document.querySelector("." + name + "-channel textarea");
    if (place && channel) {
      clearInterval(waiting);
      start(place, channel);
    } else if (Date.now() - begun > PATIENCE_MS) {
      clearInterval(waiting); // An old output, shown without its kernel.
    }
  }, 100);

  function element(kind, place, text) {
    var made = document.createElement(kind);
    made.textContent = text || "";
    place.appendChild(made);
    return made;
  }

  function start(widget, channel) {
    widget.textContent = "";
    var place = element("div", widget); // Some versions of ipywidgets lay a widget's own children side by side.
    var canvas = element("canvas", place);
    canvas.width = canvas.height = SIZE;
    canvas.style.cssText = "border: 1px solid #808080; touch-action: none; cursor: crosshair; display: block";
    var clear = element("button", place, "Clear"), camera = element("button", place, "Camera");
    var status = element("div", place);
    var pen = canvas.getContext("2d"), small = document.createElement("canvas");
    var video = null, drawing = false, changed = false, frame = 0;

    function blank() {
      pen.fillStyle = PAPER;
      pen.fillRect(0, 0, SIZE, SIZE);
      pen.strokeStyle = PEN;
      pen.lineWidth = PEN_WIDTH;
      pen.lineCap = pen.lineJoin = "round";
      changed = true;
    }

    function send(kind, source, wide, high, grey) {
      small.width = wide;
      small.height = high;
      var reduced = small.getContext("2d");
      reduced.drawImage(source, 0, 0, wide, high);
      var colours = reduced.getImageData(0, 0, wide, high).data, bytes = "";
      for (var at = 0; at < colours.length; at += 4) {
        bytes += String.fromCharCode(grey(colours[at], colours[at + 1], colours[at + 2]));
      }
      channel.value = [kind, high, wide, btoa(bytes)].join(" ");
      channel.dispatchEvent(new Event("input", {bubbles: true}));
    }

    function at(event) {
      var box = canvas.getBoundingClientRect();
      return [(event.clientX - box.left) * SIZE / box.width, (event.clientY - box.top) * SIZE / box.height];
    }

    function line(event) {
      var point = at(event);
      pen.lineTo(point[0], point[1]);
      pen.stroke();
      changed = true;
      event.preventDefault();
    }

    canvas.addEventListener("pointerdown", function (event) {
      if (video) {
        return;
      }
      drawing = true;
      canvas.setPointerCapture(event.pointerId);
      pen.beginPath();
      pen.moveTo.apply(pen, at(event));
      line(event);
    });
    canvas.addEventListener("pointermove", function (event) {
      if (drawing) {
        line(event);
      }
    });
    ["pointerup", "pointercancel"].forEach(function (end) {
      canvas.addEventListener(end, function () {
        drawing = false;
      });
    });

    function stop() {
      if (video) {
        video.srcObject.getTracks().forEach(function (track) {
          track.stop();
        });
      }
      video = null;
      camera.textContent = "Camera";
      status.textContent = "";
      blank();
    }

    clear.addEventListener("click", stop);
    if (navigator.mediaDevices && navigator.mediaDevices.getUserMedia) {
      camera.addEventListener("click", function () {
        if (video) {
          stop();
          return;
        }
        navigator.mediaDevices.getUserMedia({video: true}).then(function (stream) {
          video = document.createElement("video");
          video.muted = true;
          video.srcObject = stream;
          video.play();
          camera.textContent = "Stop";
          status.textContent = "Show one digit on paper.";
        }).catch(function (error) {
          status.textContent = "no camera: " + error.message;
        });
      });
    } else {
      camera.disabled = true;
      status.textContent = "no camera: browsers allow it only on pages from localhost or by https";
    }

    blank();
    changed = false;
    setInterval(function () {
      // JupyterLab takes cells out of the page while they are scrolled out of sight.
      if (!document.body.contains(canvas)) {
        if (video) {
          stop();
        }
      } else if (video && video.videoWidth) {
        var high = video.videoHeight, wide = video.videoWidth, scale = SIZE / Math.max(high, wide);
        pen.drawImage(video, 0, 0, wide * scale, high * scale);
        frame += DRAWING_MS;
        if (frame >= CAMERA_MS) {
          frame = 0;
          scale = PHOTO / Math.max(high, wide);
          send("photo", video, Math.round(wide * scale), Math.round(high * scale), function (red, green, blue) {
            return Math.round(0.299 * red + 0.587 * green + 0.114 * blue);
          });
        }
      } else if (changed) {
        changed = false;
        send("ink", canvas, INK, INK, function (red) {
          return 255 - red;
        });
      }
    }, DRAWING_MS);
  }
})();
