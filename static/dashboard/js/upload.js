/* An archive on its way to a host: piece after piece, each sent when the one before has arrived. */

const RETRIES = 3;

function said(form, text, share) {
    const progress = form.querySelector("[data-upload-progress]");
    progress.hidden = false;
    progress.querySelector("progress").value = share * 100;
    progress.querySelector("[data-upload-said]").textContent = text;
}

function refused(form, text) {
    const error = form.querySelector("[data-upload-error]");
    error.textContent = text;
    error.hidden = !text;
    form.querySelector("[type=submit]").disabled = false;
}

const megabytes = (bytes) => `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`;

async function sendPiece(url, token, offset, piece) {
    for (let attempt = 1; ; attempt += 1) {
        try {
            const answer = await fetch(url, {
                method: "POST",
                headers: { "X-CSRFToken": token, "X-Offset": offset, Accept: "application/json" },
                body: piece,
            });
            const told = await answer.json();
            if (answer.ok) {
                return told.length;
            }
            throw Object.assign(new Error(told.error?.message || told.error), { final: true });
        } catch (error) {
            if (error.final || attempt === RETRIES) {
                throw error;
            }
        }
    }
}

// A form of its own fields: the file goes first, then the form says under which name it is there.
async function sendWithForm(form) {
    const file = form.elements.source.value === "upload" && form.elements.archive.files[0];
    refused(form, "");
    if (file) {
        if (!(await sendFile(form, file))) {
            return;
        }
        form.elements[form.dataset.uploadInto].value = form.dataset.upload;
        form.elements[`${form.dataset.uploadInto}_name`].value = file.name;
    }
    const values = new FormData(form);
    values.delete("archive");
    window.htmx.ajax("POST", form.action, { target: form, swap: "outerHTML", values: Object.fromEntries(values) });
}

async function send(form) {
    const file = form.elements.archive.files[0];
    if (!file) {
        refused(form, "Choose a file.");
        return;
    }
    if (await sendFile(form, file)) {
        window.htmx.ajax("POST", `${uploadUrl(form)}done/`, {
            target: form,
            swap: "outerHTML",
            values: { name: file.name, csrfmiddlewaretoken: form.elements.csrfmiddlewaretoken.value },
        });
    }
}

const uploadUrl = (form) => `/images/upload/${encodeURIComponent(form.elements.host.value)}/${form.dataset.upload}/`;

async function sendFile(form, file) {
    if (file.size > Number(form.dataset.most || Infinity)) {
        throw new Error(`The file is larger than ${megabytes(Number(form.dataset.most))}.`);
    }
    refused(form, "");
    form.querySelector("[type=submit]").disabled = true;
    const token = form.elements.csrfmiddlewaretoken.value;
    const url = uploadUrl(form);
    const size = Number(form.dataset.piece);
    let offset = 0;
    do {
        if (!form.isConnected) {
            return false;
        }
        offset = await sendPiece(url, token, offset, file.slice(offset, offset + size));
        said(form, `${megabytes(offset)} of ${megabytes(file.size)}`, offset / (file.size || 1));
    } while (offset < file.size);
    return true;
}

export function watchUploads() {
    document.addEventListener("submit", (event) => {
        const form = event.target.closest("form[data-upload]");
        if (form) {
            event.preventDefault();
            const act = "uploadInto" in form.dataset ? sendWithForm : send;
            act(form).catch((error) => refused(form, error.message));
        }
    });
}
