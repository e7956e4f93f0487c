// Cameras: lists them, opens one, and explains why one could not be opened.

/** The cameras of this machine as `{id, name}`; browsers give their names only after the person has allowed one. */
export async function listCameras() {
  const devices = (await navigator.mediaDevices?.enumerateDevices().catch(() => [])) ?? [];
  return devices
    .filter((device) => device.kind === "videoinput" && device.deviceId)
    .map((device, i) => ({ id: device.deviceId, name: device.label || `Camera ${i + 1}` }));
}

/** Calls back whenever a camera is plugged in or out. */
export function watchCameras(changed) {
  navigator.mediaDevices?.addEventListener?.("devicechange", changed);
}

/** The stream of the camera `id`; without an id, of a rear camera if there is one, else of any. */
export async function openCamera(id) {
  if (!navigator.mediaDevices?.getUserMedia) {
    throw new DOMException("mediaDevices is missing", isSecureContext ? "NotSupportedError" : "InsecureError");
  }
  const which = id ? { deviceId: { exact: id } } : { facingMode: { ideal: "environment" } };
  const size = { width: { ideal: 640 }, height: { ideal: 480 }, frameRate: { ideal: 30 } };
  return navigator.mediaDevices.getUserMedia({ audio: false, video: { ...which, ...size } });
}

/** What to show the person: what happened, and what to do next. */
export function explainCamera(error) {
  switch (error.name) {
    case "InsecureError":
      return {
        title: "Cameras need a secure page",
        text:
          "This page came over plain HTTP, and browsers then do not give access to the camera. Open it over " +
          "https, or on the serving machine itself as http://localhost. A picture or a video file works here, too.",
      };
    case "NotAllowedError":
    case "SecurityError":
      return /system/i.test(error.message)
        ? {
            title: "The system does not give this browser the camera",
            text: "Allow the browser to use the camera in the system’s privacy settings, then press Start again.",
          }
        : {
            title: "The camera was not allowed",
            text:
              "Allow it with the camera or lock sign beside the page’s address, then press Start again. " +
              "A picture or a video file works, too.",
          };
    case "NotFoundError":
      return {
        title: "No camera found",
        text: "Plug one in and press Start again, or choose a picture or a video file instead.",
      };
    case "NotReadableError":
    case "AbortError":
      return {
        title: "The camera is busy",
        text: "Another program or tab seems to use it. Close that one, then press Start again.",
      };
    case "OverconstrainedError":
      return {
        title: "That camera is not available",
        text: "It may have been unplugged. Pick another one from the list, then press Start again.",
      };
    case "NotSupportedError":
      return {
        title: "This browser has no camera access",
        text: "Try a current Firefox, Chrome, Edge or Safari, or choose a picture or a video file instead.",
      };
    default:
      return {
        title: "The camera did not start",
        text: `The browser says: ${error.message || error.name}. Press Start to try again.`,
      };
  }
}
