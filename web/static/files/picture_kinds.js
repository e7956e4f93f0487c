// What files are, by their first bytes. The same table as models/pictures/kinds.json; a test compares them.
export const PICTURE_KINDS = {
  "head": 2048,
  "kinds": [
    {"kind": "JPEG", "begins": "\\xff\\xd8\\xff(?!\\xf7)", "suffixes": "jfif jif jpe jpeg jpg mpo pjp pjpeg"},
    {"kind": "PNG", "begins": "\\x89PNG\\r\\n\\x1a\\n", "suffixes": "apng png"},
    {"kind": "GIF", "begins": "GIF8[79]a", "suffixes": "gif"},
    {"kind": "WebP", "begins": "RIFF.{4}WEBP", "suffixes": "webp"},
    {"kind": "AVIF", "begins": ".{4}ftypavi[fs]", "suffixes": "avif avifs"},
    {"kind": "BMP", "begins": "BM.{12}[\\x0c\\x10\\x28\\x34\\x38\\x40\\x6c\\x7c]\\x00\\x00\\x00", "suffixes": "bmp dib"},
    {"kind": "ICO", "begins": "\\x00\\x00\\x01\\x00[^\\x00]\\x00.{16}", "suffixes": "ico"},
    {"kind": "raw", "begins": "II\\x2a\\x00.{4}CR\\x02\\x00|FUJIFILMCCD-RAW|IIRO|IIRS|MMOR|IIU\\x00|FOVb|\\x00MRM|II.{4}HEAPCCDR|.{4}ftypcrx ", "refused": "a camera's raw file: save it as JPEG first"},
    {"kind": "TIFF", "begins": "II[\\x2a\\x2b]\\x00|MM\\x00[\\x2a\\x2b]", "suffixes": "tif tiff"},

    {"kind": "HEIC", "begins": ".{4}ftyp(?:.{4}){0,14}?(?:hei[cxms]|hev[cxms])", "suffixes": "heic", "refused": "HEIC: save it as JPEG first"},
    {"kind": "AVIF", "begins": ".{4}ftyp(?:mif1|mif2|msf1|miaf)(?:.{4}){1,14}?avi[fs]"},
    {"kind": "HEIF", "begins": ".{4}ftyp(?:mif1|mif2|msf1|miaf)", "suffixes": "heif hif", "refused": "HEIF: save it as JPEG first"},
    {"kind": "JPEG 2000", "begins": "\\x00\\x00\\x00\\x0cjP  |\\xff\\x4f\\xff\\x51", "suffixes": "j2k jp2 jpf jpx", "refused": "JPEG 2000: save it as JPEG first"},
    {"kind": "JPEG XL", "begins": "\\xff\\x0a|\\x00\\x00\\x00\\x0cJXL ", "suffixes": "jxl", "refused": "JPEG XL: save it as JPEG first"},
    {"kind": "PPM", "begins": "P(?:[1-6][ \\t\\r\\n]+(?:#|[0-9]+[ \\t\\r\\n])|7\\n|[fF]\\n)", "suffixes": "pbm pgm pnm ppm", "refused": "PPM, PGM or PBM: save it as PNG first"},
    {"kind": "QOI", "begins": "qoif", "suffixes": "qoi", "refused": "QOI: save it as PNG first"},
    {"kind": "TGA", "begins": ".\\x00[\\x02\\x03\\x0a\\x0b]\\x00{5}.{8}[\\x08\\x0f\\x10\\x18\\x20][\\x00-\\x3f]|.\\x01[\\x01\\x09].{4}[\\x0f\\x10\\x18\\x20].{8}\\x08[\\x00-\\x3f]", "suffixes": "tga", "refused": "TGA: save it as PNG first"},

    {"kind": "JPEG-LS", "begins": "\\xff\\xd8\\xff\\xf7", "refused": "JPEG-LS: save it as PNG first"},
    {"kind": "CUR", "begins": "\\x00\\x00\\x02\\x00[^\\x00]\\x00.{16}", "refused": "a mouse pointer (CUR): save it as PNG first"},
    {"kind": "ICNS", "begins": "icns", "refused": "a Mac's icon (ICNS): save it as PNG first"},
    {"kind": "PSD", "begins": "8BP[SB]", "refused": "a Photoshop file (PSD): save it as JPEG first"},
    {"kind": "XCF", "begins": "gimp xcf", "refused": "a GIMP file (XCF): save it as JPEG first"},
    {"kind": "EXR", "begins": "v/1\\x01", "refused": "OpenEXR: save it as JPEG first"},
    {"kind": "HDR", "begins": "#\\?R", "refused": "Radiance HDR: save it as JPEG first"},
    {"kind": "DICOM", "begins": ".{128}DICM", "refused": "DICOM: save it as PNG first"},
    {"kind": "FITS", "begins": "SIMPLE  =", "refused": "FITS: save it as PNG first"},
    {"kind": "DDS", "begins": "DDS |\\xabKTX", "refused": "a texture (DDS, KTX): save it as PNG first"},
    {"kind": "PCX", "begins": "\\x0a[\\x00-\\x05]\\x01[\\x01\\x02\\x04\\x08]", "refused": "PCX: save it as PNG first"},
    {"kind": "SGI", "begins": "\\x01\\xda[\\x00\\x01][\\x01\\x02]", "refused": "SGI: save it as PNG first"},
    {"kind": "BPG", "begins": "BPG\\xfb", "refused": "BPG: save it as JPEG first"},
    {"kind": "FLIF", "begins": "FLIF", "refused": "FLIF: save it as PNG first"},
    {"kind": "DjVu", "begins": "AT&TFORM", "refused": "DjVu: save it as JPEG first"},
    {"kind": "WMF", "begins": "\\xd7\\xcd\\xc6\\x9a|\\x01\\x00\\x00\\x00.{36} EMF", "refused": "a Windows metafile (WMF, EMF): save it as PNG first"},

    {"kind": "Git LFS pointer", "begins": "version https://git-lfs\\.github\\.com/spec", "refused": "a Git LFS pointer, not the picture itself: run `git lfs pull`"},
    {"kind": "SVG", "begins": "(?:\\xef\\xbb\\xbf)?[ \\t\\r\\n]*(?:<\\?[^>]{0,400}>[ \\t\\r\\n]*){0,2}(?:<!--.{0,1000}?-->[ \\t\\r\\n]*)?<(?:!doctype svg|svg)", "any_case": true, "refused": "SVG: save it as PNG first"},
    {"kind": "HTML", "begins": "(?:\\xef\\xbb\\xbf)?[ \\t\\r\\n]*(?:<\\?[^>]{0,400}>[ \\t\\r\\n]*){0,2}(?:<!--.{0,1000}?-->[ \\t\\r\\n]*)?<(?:!doctype html|html|head|body|script|title|meta)", "any_case": true, "refused": "a web page (HTML), not a picture: download the picture itself"},
    {"kind": "PDF", "begins": ".{0,1023}?%PDF-", "refused": "PDF: save it as JPEG first"},
    {"kind": "PostScript", "begins": "%!PS|\\xc5\\xd0\\xd3\\xc6", "refused": "PostScript: save it as JPEG first"},
    {"kind": "AppleDouble", "begins": "\\x00\\x05\\x16[\\x00\\x07]", "refused": "what a Mac leaves beside a file (AppleDouble), not the picture itself"},
    {"kind": "shortcut", "begins": "L\\x00\\x00\\x00\\x01\\x14\\x02\\x00", "refused": "a Windows shortcut, not the picture itself"},

    {"kind": "sound", "begins": "RIFF.{4}WAVE|ID3[\\x02-\\x04]|fLaC|OggS(?!\\x00.{24,28}\\x80theora)|\\xff[\\xf1-\\xf3\\xf9-\\xfb]|FORM.{4}AIF|.{4}ftypM4[AB] ", "refused": "a sound file, not a picture"},
    {"kind": "video", "begins": ".{4}(?:ftyp|moov|mdat|wide|pnot|moof)|RIFF.{4}AVI |\\x1a\\x45\\xdf\\xa3|FLV\\x01|\\x30\\x26\\xb2\\x75\\x8e\\x66\\xcf\\x11|\\x00\\x00\\x01[\\xb3\\xba]|\\x47.{187}\\x47.{187}\\x47|.{4}\\x47.{191}\\x47.{191}\\x47|YUV4MPEG2 |OggS", "refused": "a video, not a picture: `sightstream stream` sends videos"},
    {"kind": "archive", "begins": "PK\\x03\\x04|\\x1f\\x8b|7z\\xbc\\xaf\\x27\\x1c|Rar!\\x1a|BZh[1-9]|\\xfd7zXZ\\x00|\\x28\\xb5\\x2f\\xfd", "refused": "an archive, not a picture: unpack it first"},
    {"kind": "Office document", "begins": "\\xd0\\xcf\\x11\\xe0|\\{\\\\rtf", "refused": "a document, not a picture: save the picture as JPEG first"},
    {"kind": "program", "begins": "\\x7fELF|MZ", "refused": "a program, not a picture"},
    {"kind": "zeros", "begins": "\\x00{16,}$", "refused": "nothing but zero bytes: copy it again"},
    {"kind": "text", "begins": "(?:[\\t\\n\\x0c\\r -~]|[\\xc2-\\xf4][\\x80-\\xbf]{1,3})+[\\xc2-\\xf4]?[\\x80-\\xbf]{0,2}$", "refused": "a text, not a picture"}
  ],
  "sentences": {
    "empty": "an empty file: copy it again",
    "unknown": "not a picture of a known kind",
    "damaged": "the {kind} is cut off or damaged: copy it again",
    "uncommon": "{kind} with {what} is not read: save it as an ordinary JPEG first",
    "too_large": "{width}×{height} pixels need too much memory: save a smaller picture"
  }
};
