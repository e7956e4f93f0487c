// Cameras: lists them, opens one, and explains why one could not be opened.

import { t } from "../shared/texts.js";

const SHARP = { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30 } };

/** A camera was unplugged or switched off while it was open. */
export class CameraGone extends Error {
  name = "CameraGone";
}

/** The cameras of this machine as `{id, name}`; browsers give their names only after the person has allowed one. */
export async function listCameras() {
  const devices = (await navigator.mediaDevices?.enumerateDevices().catch(() => [])) ?? [];
  return devices
    .filter((device) => device.kind === "videoinput" && device.deviceId)
    .map((device, i) => ({ id: device.deviceId, name: device.label || t("Camera {number}", { number: i + 1 }) }));
}

/** Calls back whenever a camera is plugged in or out. */
export function watchCameras(changed) {
  navigator.mediaDevices?.addEventListener?.("devicechange", changed);
}

/**
 * The stream of a camera.
 *
 * @param {{id?: string, wish?: string, facing?: "user" | "environment"}} which the camera that faces this way, or else
 *   the camera `id`; without both the camera `wish`, if it is still there; else a rear camera, or any
 */
export async function openCamera({ id, wish, facing } = {}) {
  if (!navigator.mediaDevices?.getUserMedia) {
    throw new DOMException("mediaDevices is missing", isSecureContext ? "NotSupportedError" : "InsecureError");
  }
  const choices = [
    facing && { facingMode: { exact: facing } },
    (id || wish) && { deviceId: { exact: id || wish } },
    !id && { facingMode: { ideal: "environment" } },
  ].filter(Boolean);
  for (;;) {
    const choice = choices.shift();
    try {
      return await navigator.mediaDevices.getUserMedia({ audio: false, video: { ...choice, ...SHARP } });
    } catch (error) {
      if (error.name !== "OverconstrainedError" || choices.length === 0) throw error;
    }
  }
}

/** What to show the person: what happened, and what to do next. */
export function explainCamera(error) {
  switch (error.name) {
    case "InsecureError":
      return {
        title: t("Cameras need a secure page"),
        text: t(
          "This page came over plain HTTP, and browsers then do not give access to the camera. Open it over " +
            "https, or on the serving machine itself as http://localhost. A picture or a video file works here, too.",
        ),
      };
    case "NotAllowedError":
    case "SecurityError":
      return /system/i.test(error.message)
        ? {
            title: t("The system does not give this browser the camera"),
            text: t("Allow the browser to use the camera in the system’s privacy settings, then press Start again."),
          }
        : {
            title: t("The camera was not allowed"),
            text: t(
              "Allow it with the camera or lock sign beside the page’s address, then press Start again. " +
                "A picture or a video file works, too.",
            ),
          };
    case "CameraGone":
      return {
        title: t("The camera went away"),
        text: t("It was unplugged or switched off. Press Start to try again."),
      };
    case "NotFoundError":
      return {
        title: t("No camera found"),
        text: t("Plug one in and press Start again, or choose a picture or a video file instead."),
      };
    case "NotReadableError":
    case "AbortError":
      return {
        title: t("The camera is busy"),
        text: t("Another program or tab seems to use it. Close that one, then press Start again."),
      };
    case "OverconstrainedError":
      return {
        title: t("That camera is not available"),
        text: t("It may have been unplugged. Pick another one from the list, then press Start again."),
      };
    case "NotSupportedError":
      return {
        title: t("This browser has no camera access"),
        text: t("Try a current Firefox, Chrome, Edge or Safari, or choose a picture or a video file instead."),
      };
    default:
      return {
        title: t("The camera did not start"),
        text: t("The browser says: {error}. Press Start to try again.", { error: error.message || error.name }),
      };
  }
}
