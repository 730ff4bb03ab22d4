package pipeline

// The stable failure codes.
const (
	CodeInternal           Code = "internal"
	CodeInvalid            Code = "invalid"
	CodeUnauthenticated    Code = "unauthenticated"
	CodeForbidden          Code = "forbidden"
	CodeNotFound           Code = "not_found"
	CodeNotAllowed         Code = "method_not_allowed"
	CodeConflict           Code = "conflict"
	CodeTooLarge           Code = "too_large"
	CodeUnsupportedBody    Code = "unsupported_body"
	CodeTooMany            Code = "too_many_requests"
	CodeNotReady           Code = "not_ready"
	CodeNoLiveWorker       Code = "no_live_worker"
	CodeNotOffered         Code = "not_offered"
	CodeUnavailable        Code = "unavailable"
	CodeNoMedia            Code = "no_media"
	CodeMediaMix           Code = "media_mix"
	CodeUnsupportedFormat  Code = "unsupported_format"
	CodeEmptyFile          Code = "empty_file"
	CodeDecodeFailed       Code = "decode_failed"
	CodeTruncated          Code = "truncated"
	CodeNoVideo            Code = "no_video"
	CodeUnsupportedCodec   Code = "unsupported_codec"
	CodeBadTiming          Code = "bad_timing"
	CodeSizeChanges        Code = "size_changes"
	CodeVideoLimits        Code = "video_limits"
	CodeTooSlow            Code = "too_slow"
	CodeUnsafePath         Code = "unsafe_path"
	CodeUnsafeMember       Code = "unsafe_member"
	CodeBadMember          Code = "bad_member"
	CodeArchiveLimits      Code = "archive_limits"
	CodeEncrypted          Code = "encrypted"
	CodeSourceGone         Code = "source_gone"
	CodeSourceChanged      Code = "source_changed"
	CodeBadFrameRange      Code = "bad_frame_range"
	CodeBadMapping         Code = "bad_mapping"
	CodeTooManyJobs        Code = "too_many_jobs"
	CodeBadValidation      Code = "bad_validation"
	CodeStalled            Code = "stalled"
	CodeWorkerCrash        Code = "worker_crash"
	CodeDecoderMemory      Code = "decoder_memory"
	CodeDecoderUnavailable Code = "decoder_unavailable"
	CodeDiskFull           Code = "disk_full"
	CodeCancelled          Code = "cancelled"
	CodeSuperseded         Code = "superseded"
	CodeTusVersion         Code = "tus_version"
	CodeDownloadFailed     Code = "download_failed"
	CodeStorageDetached    Code = "storage_detached"
	CodeBadManifest        Code = "bad_manifest"
)

// CodeInfo is what the table says of one code: its kind, what it means, and
// what the reader can do.
type CodeInfo struct {
	Kind    Kind
	Meaning string
	Remedy  string
}

// Codes returns the table of failure codes. The map is a fresh copy.
func Codes() map[Code]CodeInfo {
	out := make(map[Code]CodeInfo, len(codes))
	for c, i := range codes {
		out[c] = i
	}
	return out
}

var codes = map[Code]CodeInfo{
	CodeInternal:           {Internal, "something went wrong inside the server", "try again; if it stays, give the request id to the administrator"},
	CodeInvalid:            {Invalid, "a field of the request is wrong", "correct the named field"},
	CodeUnauthenticated:    {Unauthenticated, "no valid credentials came with the request", "log in again"},
	CodeForbidden:          {Forbidden, "the caller may not do this", "ask the owner of the object"},
	CodeNotFound:           {NotFound, "there is no such object", "check the id"},
	CodeNotAllowed:         {NotAllowed, "the method is not offered on this path", "use another method"},
	CodeConflict:           {Conflict, "the object is in a state that does not permit this", "wait or change the object first"},
	CodeTooLarge:           {TooLarge, "a body, file or picture is over a limit", "make it smaller or raise the limit"},
	CodeUnsupportedBody:    {Unsupported, "the body has a content type that is not understood", "send JSON or multipart/form-data"},
	CodeTooMany:            {TooMany, "too many requests", "wait as Retry-After says"},
	CodeNotReady:           {TooMany, "the chunk is still being built", "ask again as Retry-After says"},
	CodeNoLiveWorker:       {TooMany, "no consumer is running that could do this", "start a consumer"},
	CodeNotOffered:         {NotOffered, "this server does not offer the operation", "use the data through another tool"},
	CodeUnavailable:        {Transient, "a service that is needed does not answer", "try again later"},
	CodeNoMedia:            {Media, "the request names no media", "attach pictures, an archive or a video"},
	CodeMediaMix:           {Media, "the media types cannot be used together", "send one archive, one video, or any number of pictures"},
	CodeUnsupportedFormat:  {Media, "the content is not of a supported format", "convert a picture to JPEG or PNG, a video to MP4"},
	CodeEmptyFile:          {Media, "the file has no bytes", "upload the file again"},
	CodeDecodeFailed:       {Media, "the picture or the video cannot be decoded", "check that the file opens in a viewer, and save it anew"},
	CodeTruncated:          {Media, "the file ends early; what is there of a picture was decoded", "upload the complete file"},
	CodeNoVideo:            {Media, "the file has no video in it, only sound or a cover picture", "upload a file with a video stream"},
	CodeUnsupportedCodec:   {Media, "the video is encrypted, or of a codec that is not supported", "convert the file to H.264 without encryption"},
	CodeBadTiming:          {Media, "the frames of the video have no usable times", "convert the file, so that each frame gets a time of its own"},
	CodeSizeChanges:        {Media, "the frames of the video are not all of one size", "convert the file to one size"},
	CodeVideoLimits:        {Media, "the video has more frames than are possible", "split the file"},
	CodeTooSlow:            {Media, "decoding the video or the document takes longer than it may", "convert the file, with a keyframe every few seconds, or split it"},
	CodeUnsafePath:         {Media, "the name leaves the folder it must stay in", "rename the file"},
	CodeUnsafeMember:       {Media, "the archive has a member that is not a plain file", "pack plain files only"},
	CodeBadMember:          {Media, "a member of the archive cannot be read", "pack the archive anew, without encryption, stored or deflated"},
	CodeArchiveLimits:      {Media, "the archive expands beyond the limits", "split the archive"},
	CodeEncrypted:          {Media, "the file asks for a password", "save it without one"},
	CodeSourceGone:         {Media, "the source file is gone", "put the file back, or create the task with copy_data"},
	CodeSourceChanged:      {Media, "the source file changed after the task was created", "put the original file back, or create the task anew"},
	CodeBadFrameRange:      {Media, "start_frame, stop_frame and step select no frame", "choose a range inside the data"},
	CodeBadMapping:         {Media, "job_file_mapping or upload_file_order does not fit the files", "name each file once, exactly as uploaded"},
	CodeTooManyJobs:        {Media, "the task would have too many jobs", "use a larger segment_size"},
	CodeBadValidation:      {Media, "the validation set that was asked for does not fit the frames", "ask for fewer frames, or name frames that the task has"},
	CodeStalled:            {Transient, "the work made no progress and was ended", "try again; if it stays, look for a hung share"},
	CodeWorkerCrash:        {Media, "the file ends the worker each time it is read", "remove the named files"},
	CodeDecoderMemory:      {Media, "decoding the file needs more memory than it may have", "convert the file to a smaller size, or raise the limit"},
	CodeDecoderUnavailable: {Transient, "a program that decodes media does not run on the server", "install ffmpeg and poppler-utils on the server, then try again"},
	CodeDiskFull:           {NoSpace, "the disk is full", "free space and try again"},
	CodeCancelled:          {Media, "the request was cancelled", "send the data again to start over"},
	CodeSuperseded:         {Media, "a newer request took the place of this one", "poll the newer request"},
	CodeDownloadFailed:     {Media, "the file cannot be downloaded from its address", "check that the address can be reached and holds the file itself"},
	CodeStorageDetached:    {Conflict, "the cloud storage that the media lie in was removed", "connect the task to a cloud storage that has the same objects"},
	CodeBadManifest:        {Media, "the manifest cannot be used", "make it anew with framemill manifest create"},
	CodeTusVersion:         {OtherVersion, "the client speaks another version of the protocol of resumable uploads", "use a client of tus 1.0.0"},
}

// generalCode is the code of an error that only has a kind.
var generalCode = map[Kind]Code{
	Internal: CodeInternal, Invalid: CodeInvalid, Unauthenticated: CodeUnauthenticated,
	Forbidden: CodeForbidden, NotFound: CodeNotFound, NotAllowed: CodeNotAllowed,
	Conflict: CodeConflict, TooLarge: CodeTooLarge, Unsupported: CodeUnsupportedBody,
	TooMany: CodeTooMany, NotOffered: CodeNotOffered, Media: CodeDecodeFailed, Transient: CodeUnavailable,
	NoSpace: CodeDiskFull, OtherVersion: CodeTusVersion,
}
