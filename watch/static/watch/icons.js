/* The icons' outlines, on a grid of 24 × 24. */

export const BACK = "M15.4 7.4 14 6l-6 6 6 6 1.4-1.4-4.6-4.6z";
export const PLUS = "M11 5h2v6h6v2h-6v6h-2v-6H5v-2h6z";
export const CHECK = "M9.5 15.6 5.6 11.7 4.2 13.1l5.3 5.3L20 7.9l-1.4-1.4z";
export const CLOSE = "M6.4 5 5 6.4 10.6 12 5 17.6 6.4 19l5.6-5.6 5.6 5.6 1.4-1.4-5.6-5.6L19 6.4 17.6 5 12 10.6z";
export const SEARCH = "M10 4a6 6 0 1 0 3.7 10.7l4.8 4.8 1-1-4.8-4.8A6 6 0 0 0 10 4Zm0 1.6a4.4 4.4 0 1 1 0 8.8 4.4 4.4 0 0 1 0-8.8Z";
export const PLAY = "M8 5.2v13.6L19 12z";
export const PAUSE = "M7 5h3.6v14H7zm6.4 0H17v14h-3.6z";
export const REPLAY = "M12 5V1.8L7 6.4l5 4.6V7.4a5.1 5.1 0 1 1-5.1 5.1H4.5A7.5 7.5 0 1 0 12 5Z";
export const LOUD = "M4 9.5v5h3.3L12 19V5L7.3 9.5zm10.2-1.7v8.4a4.6 4.6 0 0 0 0-8.4Zm0-3.7v1.8a6.4 6.4 0 0 1 0 12.2v1.8a8.2 8.2 0 0 0 0-15.8Z";
export const MUTED = "M4 9.5v5h3.3L12 19V5L7.3 9.5zm16.4.3-1.2-1.2-2.1 2.2-2.1-2.2-1.2 1.2 2.2 2.2-2.2 2.2 1.2 1.2 2.1-2.2 2.1 2.2 1.2-1.2-2.2-2.2z";
export const FULL = "M5 5h6v2H7v4H5zm8 0h6v6h-2V7h-4zM5 13h2v4h4v2H5zm12 0h2v6h-6v-2h4z";
export const SMALL = "M9 5h2v6H5V9h4zm4 0h2v4h4v2h-6zM5 13h6v6H9v-4H5zm8 0h6v2h-4v4h-2z";
export const TEXTS = "M5 5h14a2 2 0 0 1 2 2v10a2 2 0 0 1-2 2H5a2 2 0 0 1-2-2V7a2 2 0 0 1 2-2Zm1 5v2h3v-2Zm5 0v2h7v-2Zm-5 4v2h7v-2Zm9 0v2h3v-2Z";
export const SOUNDS = "M12 4a8 8 0 0 0-8 8v7h5v-7H6a6 6 0 0 1 12 0h-3v7h5v-7a8 8 0 0 0-8-8Z";
export const QUALITY = "M4 6.2h9.1a2.5 2.5 0 0 1 4.8 0H20v1.6h-2.1a2.5 2.5 0 0 1-4.8 0H4zm0 10h2.1a2.5 2.5 0 0 1 4.8 0H20v1.6h-9.1a2.5 2.5 0 0 1-4.8 0H4z";
